//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! The first request with a key takes it; its answer is stored and replayed to the same request, another request with the
//! key is refused, and so is one that comes while the first is running. What has begun goes on when the client leaves, so
//! that its effect is there with its answer.

mod asked;
mod keys;
mod layer;

pub use asked::Asked;
pub use keys::{Keys, Once, OnlyOnce};
pub use layer::{keyed, layer};
