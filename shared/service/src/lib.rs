//! What every service gets, so that it only writes what it is about.
//!
//! A service is a [`Program`] with a `build` function that makes an [`App`] from its settings.
//! From here come the lifecycle (two listeners, drain, exit codes), the middleware (trace,
//! metrics, limits, problems), the extractors of the handlers and who is asking ([`Identity`]).
//! `services/stub` is the example to copy.

mod admin;
mod app;
mod clock;
mod context;
mod extract;
mod healthcheck;
mod identity;
mod internal;
mod lifecycle;
mod middleware;
mod openapi;
mod operators;
mod problem;
mod program;
pub mod request_id;
pub mod responses;
mod running;
mod self_description;
mod server;
mod settings;
mod start;
mod tls;
mod token;

pub use app::{App, BoxError, Listening};
pub use clock::Clock;
pub use context::Context;
pub use extract::{AnyJson, IdempotencyKey, Json, Paging, Path, Query, RawBody, Trusted};
pub use identity::Identity;
pub use internal::internal;
pub use middleware::{BodyPieces, body_limit, metrics as server_metrics, read_body};
pub use openapi::openapi_router;
pub use operators::Operators;
pub use problem::Problem;
pub use program::Program;
pub use running::Running;
pub use settings::HttpSettings;
pub use start::StartError;
pub use token::{TokenError, TokenSettings, TokenSigner, TokenVerifier};

/// Small and quick; the memory that a process holds when it idles is a figure we print.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
