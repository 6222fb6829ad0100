//! Tests through the front door: a real service on a free port, a real PostgreSQL.

mod annotations;
mod api_keys;
mod assistants;
mod documents;
mod engines;
mod evaluations;
mod exports;
mod flows;
mod idempotency;
mod imports;
mod inbox;
mod internal;
mod oidc;
mod openapi;
mod outbox;
mod patches;
mod provider;
mod revisions;
mod rollouts;
mod service;
mod sessions;
mod trainings;
mod uploads;
mod users;
mod webhooks;
mod worker;
