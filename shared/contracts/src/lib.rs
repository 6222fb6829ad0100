//! The types that cross a service boundary, over HTTP or the queue.
//!
//! A service imports the types of its callers and of whom it calls from here, never from
//! another service. To add a type: put it in the module of its resource, document its fields
//! (they become the OpenAPI document), give inputs a `garde::Validate` whose limits are
//! repeated in `#[schema]`, and only ever add optional fields to a type that is in use.

pub mod assistants;
pub mod coded;
pub mod conversations;
pub mod deadline;
pub mod engines;
pub mod error;
pub mod evaluations;
pub mod flows;
pub mod hand_over;
pub mod identity;
pub mod inbox;
pub mod jobs;
pub mod models;
pub mod page;
pub mod parse;
pub mod queues;
pub mod rollouts;
pub mod schedules;
pub mod service_identity;
pub mod sessions;
pub mod text;
pub mod training_data;
pub mod trainings;
pub mod transfers;
pub mod understanding;
pub mod upkeep;
pub mod users;
pub mod webhooks;

pub use coded::Coded;
pub use error::{ErrorCode, FieldError, Problem};
pub use page::Page;
