//! What happens in other services, and webhooks are told of.

use axum::extract::State;
use http::StatusCode;
use stoa_contracts::webhooks::Announce;
use stoa_postgres::{begin, traced};
use stoa_service::{Path, Problem, Trusted};
use uuid::Uuid;

use crate::{
    state::Api,
    webhooks::{self, Event},
};

/// Tells the account's webhooks of an event; the same one twice is the same as once.
pub(super) async fn announce_webhook_event(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Trusted(announced): Trusted<Announce>,
) -> Result<StatusCode, Problem> {
    let event = Event {
        id: Some(id),
        name: announced.event.as_str(),
        at: announced.at,
        data: &announced.data,
    };
    let mut transaction = begin(&api.pool).await?;
    let now = api.clock.now();
    webhooks::emit(&mut transaction, announced.account_id, &event, now).await?;
    traced("transaction.commit", transaction.commit()).await?;
    api.outbox.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
