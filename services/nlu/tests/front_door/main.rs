//! Tests through the front door: real Redis, and `api` and `ml` as their contracts say.

mod cache;
mod parse;
mod platform;
mod rasa;
