//! One trace runs from where a job arises through all of its attempts: seen by a collector that
//! receives what the process exports.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use stoa_queue::{
    Backoff, CancellationToken, Consumer, ConsumerSettings, Enqueue, JobContext, JobError, Payload,
    Queue, QueueSettings,
};
use stoa_telemetry::{LogFormat, Telemetry, TelemetrySettings};
use stoa_testing::{amqp, otlp::Collector, redis};
use tokio::runtime::Runtime;
use tracing::Instrument as _;

#[derive(Serialize, Deserialize)]
struct Errand;

impl Payload for Errand {
    const KIND: &'static str = "errand";
    const QUEUE: &'static str = "errands";
    const TIME_LIMIT: Duration = Duration::from_secs(5);
}

#[test]
fn keeps_the_trace_through_every_attempt() {
    // The collector must outlive the runtime of the product, whose last spans come at its end.
    let outer = Runtime::new().unwrap();
    let collector = outer.block_on(Collector::start());
    let settings = TelemetrySettings {
        log: "warn".into(),
        format: LogFormat::Json,
        otlp_endpoint: Some(collector.endpoint()),
        sample_ratio: 1.0,
    };
    let telemetry = Telemetry::init("errands", &settings).unwrap();
    let product = Runtime::new().unwrap();
    let traces = product.block_on(async {
        let redis = redis::database().await;
        let broker = amqp::broker().await;
        [
            run_on(redis.url.clone(), "test".into()).await,
            run_on(broker.url, broker.namespace).await,
        ]
    });
    drop(product);
    telemetry.shutdown();

    for trace in traces {
        let trees = collector.trees(&trace);
        assert_eq!(trees.len(), 1, "{trees:?}");
        let drawn = trees[0].to_string();
        let expected = "errands errand.order\n  errands job.enqueue\n    errands job.run\n      \
                        errands errand.go\n    errands job.run\n      errands errand.go\n";
        assert_eq!(drawn, expected);
        let run = &trees[0].find("errands", "job.run").unwrap().span;
        assert_eq!(run.kind, "consumer");
        assert!(run.failed, "the first attempt shows its failure");
        assert_eq!(run.attributes["job.kind"], "errand");
    }
}

/// Enqueues a job that fails once; the trace of the span in which it was enqueued.
async fn run_on(url: String, namespace: String) -> String {
    let settings = QueueSettings {
        url: url.into(),
        namespace,
    };
    let queue = Queue::connect(&settings).await.expect("the broker answers");
    let order = tracing::info_span!("errand.order");
    let trace = order
        .in_scope(stoa_telemetry::trace_id)
        .expect("the span is recorded");
    let enqueue = queue.enqueue(&Errand, Enqueue::default());
    enqueue
        .instrument(order)
        .await
        .expect("the broker takes it");

    let done = CancellationToken::new();
    let (stop, settings) = (done.clone(), consumer_settings());
    let consumer =
        Consumer::new(queue.clone(), settings).handle(move |_: Errand, job: JobContext| {
            let done = done.clone();
            let go = async move {
                if job.envelope.attempt == 1 {
                    return Err(JobError::retry("the shop is closed"));
                }
                done.cancel();
                Ok(())
            };
            go.instrument(tracing::info_span!("errand.go"))
        });
    let ran = tokio::time::timeout(Duration::from_secs(30), consumer.run(stop)).await;
    ran.expect("the errand ends in time")
        .expect("the worker ends well");
    queue
        .remove(&[Errand::QUEUE])
        .await
        .expect("the queue is removed");
    trace
}

fn consumer_settings() -> ConsumerSettings {
    ConsumerSettings {
        concurrency: 1,
        lease: Duration::from_secs(2),
        drain: Duration::from_secs(5),
        backoff: Backoff {
            base: Duration::from_millis(20),
            cap: Duration::from_millis(20),
        },
    }
}
