//! The service `worker`: runs the jobs of the platform and keeps their record.
//!
//! A job is a module of its own ([`train`], [`retrain`], [`evaluate`], [`transfers`], [`collect`], [`webhooks`], [`upkeep`],
//! [`forget`];
//! [`runs`] has what those share that `ml` does), registered in [`build`]; the payload of one that another service hands over
//! stands in `stoa_contracts`. What becomes of it stands in the queue's
//! record, [`stoa_queue::store`], and is read and changed through [`jobs`], [`queues`] and [`schedules`]. Other services
//! hand theirs over at [`intake`].

mod collect;
mod evaluate;
mod forget;
mod intake;
pub mod jobs;
pub mod queues;
mod refusals;
mod retrain;
mod runs;
pub mod schedules;
mod settings;
mod train;
mod transfers;
mod upkeep;
mod webhooks;

use axum::middleware::from_fn_with_state;
use collect::Collector;
use intake::Intake;
use jobs::Jobs;
use retrain::{Retrain, Retrainings};
use runs::Runs;
use sqlx::migrate::Migrator;
use std::sync::Arc;
use stoa_client::ServiceClient;
use stoa_contracts::assistants::ForgetAssistant;
use stoa_contracts::inbox::CollectInbox;
use stoa_contracts::jobs::{Evaluate, Train};
use stoa_contracts::transfers::{ExportTrainingData, ImportTrainingData};
use stoa_contracts::webhooks::{Announce, Deliver};
use stoa_idempotency::Keys;
use stoa_postgres::PostgresSettings;
use stoa_queue::store::{Retention, Store};
use stoa_queue::{Consumer, Queue};
use stoa_service::{App, Context, StartError, TokenVerifier, internal};
use transfers::Transfers;
use upkeep::{RemoveExpiredAccess, RemoveOldConversations, Upkeep};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use webhooks::{Announcer, Webhooks};

pub use settings::Settings;
pub use webhooks::WebhookSettings;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    let pool = stoa_postgres::connect(&settings.postgres).await?;
    stoa_postgres::refuse_pending(&pool, &MIGRATIONS).await?;
    intake::describe_metrics();
    collect::describe_metrics();
    webhooks::describe_metrics();
    let queue = Queue::connect(&settings.queue).await?;
    let store = Store::new(pool.clone());
    let api = ServiceClient::new("api", &settings.api_url, settings.internal.clone());
    let ml = ServiceClient::new("ml", &settings.ml_url, settings.internal.clone());
    let conversation = ServiceClient::new(
        "conversation",
        &settings.conversation_url,
        settings.internal.clone(),
    );
    let webhooks = Webhooks::new(api.clone(), settings.webhooks, context.clock.clone());
    let upkeep = Upkeep {
        api: api.clone(),
        ml: ml.clone(),
        conversation,
    };
    let runs = Runs::new(api.clone(), ml, settings.training_poll);
    let transfers = Transfers::new(api.clone(), settings.training_poll);
    let retrainings = Retrainings::new(api.clone(), store.clone());
    let announcer = Announcer(api.clone());
    let collector = Collector {
        api,
        assistants: retrainings.clone(),
    };
    let jobs = Jobs {
        store: store.clone(),
        runs: runs.clone(),
        transfers: transfers.clone(),
        webhooks: webhooks.clone(),
        retrainings: retrainings.clone(),
        operators: settings.operators,
        clock: context.clock.clone(),
        scheduling: Arc::default(),
    };
    let consumer = Consumer::new(queue.clone(), settings.consumer)
        .with_store(store.clone())
        .observe(runs.observer());
    let consumer = consumer
        .job::<Train, _>(&runs)
        .job::<Evaluate, _>(&runs)
        .job::<ImportTrainingData, _>(&transfers)
        .job::<ExportTrainingData, _>(&transfers)
        .job::<Retrain, _>(&retrainings)
        .job::<CollectInbox, _>(&collector)
        .job::<Announce, _>(&announcer)
        .job::<Deliver, _>(&webhooks)
        .job::<ForgetAssistant, _>(&upkeep)
        .job::<RemoveExpiredAccess, _>(&upkeep)
        .job::<RemoveOldConversations, _>(&upkeep);
    upkeep::register(&store).await?;
    // Every kind that other services think of; what only this one enqueues is not handed over.
    let intake = Intake::new(store.clone())
        .takes::<Train>()
        .takes::<Evaluate>()
        .takes::<ImportTrainingData>()
        .takes::<ExportTrainingData>()
        .takes::<CollectInbox>()
        .takes::<Announce>()
        .takes::<Deliver>()
        .takes::<ForgetAssistant>();
    let retention = Retention::new(store, settings.retention);
    let keys = Keys::new(pool.clone(), context);
    let once = from_fn_with_state(keys.clone(), stoa_idempotency::layer);
    Ok(App::documented(routes().layer(once).with_state(jobs))
        .merge(internal(intake.routes(), &settings.internal))
        .identity(TokenVerifier::new(&settings.tokens, context.clock.clone())?)
        .ready_when("postgres", stoa_postgres::readiness(&pool))
        .ready_when("queue", move || {
            let queue = queue.clone();
            async move { queue.check().await }
        })
        .background("jobs", |token| consumer.run(token))
        .background("retention", |token| retention.run(token))
        .background("idempotency", |token| keys.tidy(token)))
}

/// Brings the database up to date.
pub async fn migrate(settings: PostgresSettings) -> Result<(), StartError> {
    stoa_postgres::migrate(&settings, &MIGRATIONS).await?;
    Ok(())
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Jobs> {
    stoa_service::openapi_router("worker")
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::get_job))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(jobs::retry::retry_job))
        .routes(routes!(jobs::retry::retry_jobs))
        .routes(routes!(queues::list_queues))
        .routes(routes!(queues::pause_queue))
        .routes(routes!(queues::resume_queue))
        .routes(routes!(queues::set_queue_limits))
        .routes(routes!(
            schedules::list_schedules,
            schedules::create_schedule
        ))
        .routes(routes!(
            schedules::get_schedule,
            schedules::update_schedule,
            schedules::delete_schedule
        ))
}
