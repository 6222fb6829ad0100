//! The `ml` binary.
fn main() {}
