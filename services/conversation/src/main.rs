//! The `conversation` binary.
fn main() {}
