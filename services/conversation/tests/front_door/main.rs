//! Tests through the front door: a real PostgreSQL, `api` and `nlu` played by mocks.

mod handover;
mod lists;
mod messages;
mod others;
mod refusals;
mod rest_channel;
mod retention;
mod service;
mod streams;
