//! A part of a RabbitMQ broker for one test.

use crate::containers;
use uuid::Uuid;

/// A broker, and a namespace on it that nobody else uses.
#[derive(Debug)]
pub struct TestBroker {
    /// Where it is, as `QUEUE_URL` takes it.
    pub url: String,
    /// What the names of the test's queues start with, as `QUEUE_NAMESPACE` takes it.
    pub namespace: String,
}

/// A namespace on the broker of `TEST_AMQP_URL`, or else on one in a container.
pub async fn broker() -> TestBroker {
    let url = containers::amqp_url().await;
    TestBroker {
        url,
        namespace: format!("test-{}", Uuid::new_v4().simple()),
    }
}
