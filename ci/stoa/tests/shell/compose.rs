//! What Compose and the clusters are given: the secrets.

use super::{Stage, said};

/// A workspace with the service `billing`.
fn workspace() -> Stage {
    let stage = Stage::new();
    stage.script("ci/compose/secrets", "ci/compose/secrets");
    stage.file("services/billing/migrations/1.sql", "");
    stage
}

/// Runs a line that has to succeed, and returns what it says.
fn done(stage: &Stage, line: &str) -> String {
    let ran = stage.run(line);
    assert!(ran.status.success(), "{line}: {}", said(&ran));
    said(&ran)
}

#[test]
fn secrets_keep_their_queue_and_follow_its_password_until_another_is_asked_for() {
    let stage = workspace();
    let queue = |line: &str| {
        done(&stage, line);
        stage.text("folder/queue_url")
    };
    let make = "ci/compose/secrets folder";
    assert!(queue(make).starts_with("redis://"));
    let first = queue(&format!("QUEUE=rabbitmq {make}"));
    assert!(first.starts_with("amqp://"), "{first}");
    assert_eq!(queue(make), first);
    let rotated = queue(&format!("rm folder/rabbitmq_password && {make}"));
    assert!(
        rotated.starts_with("amqp://") && rotated != first,
        "{rotated}"
    );
    let elsewhere = "amqps://queue.example.org";
    assert_eq!(queue(&format!("QUEUE_URL={elsewhere} {make}")), elsewhere);
    assert_eq!(queue(make), elsewhere);
    assert!(queue(&format!("QUEUE=redis {make}")).starts_with("redis://"));
}
