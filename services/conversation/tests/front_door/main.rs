//! Tests through the front door: a real PostgreSQL, `api`, `nlu` and `worker` played by mocks.

mod announcements;
mod handover;
mod lists;
mod messages;
mod others;
mod refusals;
mod rest_channel;
mod retention;
mod service;
mod streams;
