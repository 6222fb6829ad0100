//! Internal: jobs of the platform itself, which remove what has had its time.

use serde::{Deserialize, Serialize};

/// The route of a service that removes what has had its time, a bounded part with each call.
pub const PATH: &str = "/internal/v1/upkeep";

/// What one call has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Removed {
    /// How many things.
    pub removed: u64,
    /// Whether there may be more.
    pub more: bool,
}
