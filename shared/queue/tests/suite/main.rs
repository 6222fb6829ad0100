//! What the queue promises, over every broker that it knows: each test runs on all of them.

#[path = "../broker/mod.rs"]
mod broker;
mod dead_letters;
mod delivery;
mod leases;
mod observer;
mod operation;
mod retries;
mod world;
