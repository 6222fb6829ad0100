//! Tests through the front door: real Redis, and `api`, `ml` and `worker` as their contracts say.

mod cache;
mod engines;
mod inbox;
mod parse;
mod platform;
mod rasa;
mod rollout;
mod understanding;
