//! Trains and serves the models that understand utterances.

pub mod engine;
