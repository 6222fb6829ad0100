//! The delivery CLI.
fn main() {}
