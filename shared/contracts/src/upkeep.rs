//! Internal: jobs of the platform itself, which remove what has had its time.

use crate::jobs::Payload;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The route of a service that removes what has had its time, a bounded part with each call.
pub const PATH: &str = "/internal/v1/upkeep";

/// Payload: `api` removes expired sessions and keys that were revoked long ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct RemoveExpiredAccess {}

/// Payload: `conversation` removes conversations that are older than its retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct RemoveOldConversations {}

impl Payload for RemoveExpiredAccess {
    const KIND: &'static str = "remove_expired_access";
    const QUEUE: &'static str = "upkeep";
    const MAX_ATTEMPTS: u16 = 4;
    const TIME_LIMIT: Duration = Duration::from_mins(10);
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_mins(9));
}

impl Payload for RemoveOldConversations {
    const KIND: &'static str = "remove_old_conversations";
    const QUEUE: &'static str = "upkeep";
    const MAX_ATTEMPTS: u16 = 4;
    const TIME_LIMIT: Duration = Duration::from_mins(10);
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_mins(9));
}

/// What one call has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Removed {
    /// How many things.
    pub removed: u64,
    /// Whether there may be more.
    pub more: bool,
}
