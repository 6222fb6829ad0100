//! The `conversation` service.

fn main() {}
