//! What Compose and the clusters are given: the secrets.

use super::{Stage, said};

/// A workspace whose service `billing` takes a key of its own.
fn workspace() -> Stage {
    let stage = Stage::new();
    stage.script("ci/compose/secrets", "ci/compose/secrets");
    stage.file("services/billing/migrations/1.sql", "");
    let entry = r#"secrets:
  billing_database_url: {file: "${STOA_SECRETS:-./.stoa/secrets}/billing_database_url"}
  billing_payment_key: {file: "${STOA_SECRETS:-./.stoa/secrets}/billing_payment_key"}
"#;
    stage.file("services/billing/compose.yml", entry);
    stage
}

/// Runs a line that has to succeed, and returns what it says.
fn done(stage: &Stage, line: &str) -> String {
    let ran = stage.run(line);
    assert!(ran.status.success(), "{line}: {}", said(&ran));
    said(&ran)
}

#[test]
fn a_secret_that_only_the_entry_of_a_service_names_is_drawn_once_and_told() {
    let stage = workspace();
    let told = done(&stage, "ci/compose/secrets folder");
    assert!(told.starts_with("billing_payment_key was drawn"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let url = stage.text("folder/billing_database_url");
    assert!(url.starts_with("postgres://billing:"), "{url}");
    let key = stage.text("folder/billing_payment_key");
    assert_eq!(key.len(), 48, "{key}");

    let from_elsewhere = r#"cd / && "$OLDPWD/ci/compose/secrets" "$OLDPWD/folder""#;
    assert_eq!(done(&stage, from_elsewhere), "");
    assert_eq!(stage.text("folder/billing_payment_key"), key);
    assert_eq!(stage.text("folder/billing_database_url"), url);
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
