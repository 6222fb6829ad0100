//! The service `worker`: runs the jobs of the platform and keeps their record.
//!
//! A job is a module of its own ([`train`], [`retrain`], [`evaluate`]; [`runs`] has what those share that `ml` does), registered in
//! [`build`]; its payload stands in `stoa_contracts::jobs`. What becomes of it stands in the queue's
//! record, [`stoa_queue::store`], and is read and changed through [`jobs`], [`queues`] and [`schedules`]. Other services
//! hand theirs over at [`intake`].

mod evaluate;
mod intake;
pub mod jobs;
mod operators;
pub mod queues;
mod retention;
mod retrain;
mod runs;
pub mod schedules;
mod settings;
mod train;
mod upkeep;
mod webhooks;

use intake::Intake;
use jobs::Jobs;
use operators::Operators;
use retention::Retention;
use retrain::Retrainings;
use runs::Runs;
use sqlx::migrate::Migrator;
use stoa_client::ServiceClient;
use stoa_contracts::jobs::{Evaluate, Train};
use stoa_contracts::upkeep::{RemoveExpiredAccess, RemoveOldConversations};
use stoa_contracts::webhooks::Deliver;
use stoa_postgres::PostgresSettings;
use stoa_queue::store::Store;
use stoa_queue::{Consumer, Queue};
use stoa_service::{App, Context, TokenVerifier, internal};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use webhooks::Webhooks;

pub use settings::Settings;
pub use webhooks::{Networks, WebhookSettings};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> anyhow::Result<App> {
    let pool = stoa_postgres::connect(&settings.postgres).await?;
    stoa_postgres::refuse_pending(&pool, &MIGRATIONS).await?;
    retention::describe_metrics();
    intake::describe_metrics();
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
    let access = api.clone();
    let runs = Runs::new(api.clone(), ml, settings.training_poll);
    let retrainings = Retrainings::new(api, store.clone());

    let jobs = Jobs {
        store: store.clone(),
        runs: runs.clone(),
        retrainings: retrainings.clone(),
        operators: Operators::new(settings.operator_account),
        clock: context.clock.clone(),
    };
    let consumer = Consumer::new(queue.clone(), settings.consumer)
        .with_store(store.clone())
        .observe(runs.observer());
    let (train, evaluate) = (runs.clone(), runs);
    let consumer = consumer
        .handle(move |job: Train, context| train.clone().run(job, context))
        .handle(move |job: Evaluate, context| evaluate.clone().run(job, context))
        .handle(move |job, context| retrainings.clone().start(job, context))
        .handle(move |job: Deliver, context| webhooks.clone().deliver(job, context))
        .handle(move |_: RemoveExpiredAccess, job| upkeep::remove(access.clone(), job))
        .handle(move |_: RemoveOldConversations, job| upkeep::remove(conversation.clone(), job));
    upkeep::register(&store).await?;
    // Every kind that other services think of; what only this one enqueues is not handed over.
    let intake = Intake::new(store.clone())
        .takes::<Train>()
        .takes::<Evaluate>()
        .takes::<Deliver>();
    let retention = Retention::new(store, settings.record_retention, settings.result_retention);
    Ok(App::documented(routes().with_state(jobs))
        .merge(internal(intake.routes(), &settings.internal))
        .identity(TokenVerifier::new(&settings.tokens, context.clock.clone())?)
        .ready_when("postgres", stoa_postgres::readiness(&pool))
        .ready_when("queue", move || {
            let queue = queue.clone();
            async move { queue.check().await }
        })
        .background("jobs", |token| consumer.run(token))
        .background("retention", |token| retention.run(token)))
}

/// Brings the database up to date.
pub async fn migrate(settings: PostgresSettings) -> anyhow::Result<()> {
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
