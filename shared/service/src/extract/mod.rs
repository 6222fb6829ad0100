//! What handlers take from a request; everything that does not fit becomes a problem.

mod idempotency;
mod json;
mod paging;
mod path;
mod query;
mod raw;
mod strict;
mod validate;

pub use idempotency::IdempotencyKey;
pub use json::{AnyJson, Json, Trusted};
pub use paging::Paging;
pub use path::Path;
pub use query::Query;
pub use raw::RawBody;
