//! What tests need and the product does not: servers of their own, a collector for traces,
//! and waiting without sleeping.
//!
//! Every test gets its own database ([`postgres::database`]), its own Redis database
//! ([`redis::database`]) and its own namespace on the broker ([`amqp::broker`]), so tests run side by side.
//! The servers are named by `TEST_POSTGRES_URL`, `TEST_REDIS_URL` and `TEST_AMQP_URL` (as
//! `make test` does); where a variable is missing, a container is started and kept for the next run.

pub mod amqp;
mod containers;
mod eventually;
pub mod keys;
pub mod otlp;
pub mod postgres;
pub mod proxy;
pub mod redis;

pub use eventually::eventually;
