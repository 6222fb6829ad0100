//! The `stub` binary.
fn main() {}
