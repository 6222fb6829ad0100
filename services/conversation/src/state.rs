//! What the handlers share.

use crate::{Settings, assistants::Assistants, hub::Hub};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use stoa_client::ServiceClient;
use stoa_service::{Clock, Context};
use tokio::sync::{Notify, Semaphore};

/// What the handlers share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Conversations {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) context: Context,
    pub(crate) assistants: Assistants,
    pub(crate) nlu: ServiceClient,
    pub(crate) hub: Hub,
    /// Wakes the relay of the outbox.
    pub(crate) outbox: Arc<Notify>,
    /// One permit for each WebSocket that may be open.
    pub(crate) streams: Arc<Semaphore>,
    /// How long a conversation is kept.
    pub(crate) retention: Option<Duration>,
}

impl Conversations {
    pub(crate) fn new(pool: PgPool, settings: &Settings, context: &Context) -> Self {
        let client =
            |name, url: &str| ServiceClient::new(name, url, settings.internal_token.clone());
        Self {
            pool,
            clock: context.clock.clone(),
            context: context.clone(),
            assistants: Assistants::new(client("api", &settings.api_url), context.clock.clone()),
            nlu: client("nlu", &settings.nlu_url),
            hub: Hub::default(),
            outbox: Arc::new(Notify::new()),
            streams: Arc::new(Semaphore::new(settings.stream_limit)),
            retention: settings.retention,
        }
    }
}
