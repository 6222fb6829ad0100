//! Calls from one service to another.
//!
//! A [`ServiceClient`] stands for one service, at the URL that `<NAME>_URL` gives. Each call has a
//! limit, carries the trace and says how long it will wait; idempotent calls are tried again
//! while the budget lasts; a problem of the other side comes back as a [`ClientError`] with its code.
//! Behind the URL there may be many addresses: [`Endpoints`] keeps them fresh and chooses.
//! To what an account has chosen, [`egress`] leads.

mod budget;
mod call;
pub mod egress;
mod endpoints;
mod error;
mod hand_over;
mod place;
mod settings;
mod trace;

pub use budget::{Retry, RetryBudget};
pub use call::ServiceClient;
pub use endpoints::{Breaker, Endpoints, InFlight, Outcome, Probe, Resolver, Shed, Turn};
pub use error::ClientError;
pub use hand_over::hand_over;
pub use settings::ServiceUrl;
