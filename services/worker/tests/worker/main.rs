//! Tests through the front door: real PostgreSQL and brokers, `api` and `ml` as their contracts say.

mod deliveries;
mod evaluations;
mod forget;
mod inbox;
mod intake;
mod jobs;
mod platform;
mod queues;
mod retries;
mod schedules;
mod service;
mod trainings;
mod transfers;
mod upkeep;
mod webhooks;
