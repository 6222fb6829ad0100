//! Conversations: sessions and channels over a dialogue engine, with their transcripts.

pub mod engine;
