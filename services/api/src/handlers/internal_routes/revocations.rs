//! The gateways wait here for what is revoked.

use std::time::Duration;

use axum::extract::{Query, State};
use stoa_contracts::sessions::{Revocations, RevocationsAfter};
use stoa_service::{Json, Problem};

use crate::state::Api;

/// The longest that a gateway may wait; less than what proxies and idle connections stand.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Tells what was revoked after a number, and waits for it if the caller does.
pub(super) async fn list_revocations(
    State(api): State<Api>,
    Query(input): Query<RevocationsAfter>,
) -> Result<Json<Revocations>, Problem> {
    let wait = Duration::from_secs(input.wait).min(LONGEST_WAIT);
    let told = api.revocations.after(&api.pool, input.after, wait).await?;
    Ok(Json(told))
}
