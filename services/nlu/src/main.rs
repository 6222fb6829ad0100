//! The `nlu` binary.
fn main() {}
