//! What Compose and the clusters are given: the secrets, and the settings in `.env`.

use super::{Stage, said};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// A workspace whose service `billing` takes a key of its own.
fn workspace() -> Stage {
    let stage = Stage::new();
    for script in ["compose/secrets", "compose/environment", "compose/dotenv"] {
        let script = format!("ci/{script}");
        stage.script(&script, &script);
    }
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

#[test]
fn who_asks_for_secrets_wrongly_is_told_how_and_nothing_is_made() {
    let stage = workspace();
    for wrong in [
        "ci/compose/secrets",
        "ci/compose/secrets ''",
        "ci/compose/secrets folder another",
        "QUEUE=kafka ci/compose/secrets folder",
    ] {
        let ran = stage.run(wrong);
        assert_eq!(ran.status.code(), Some(64), "{wrong}: {}", said(&ran));
        let usage = "usage: [QUEUE=redis|rabbitmq] ci/compose/secrets FOLDER";
        assert!(said(&ran).contains(usage), "{wrong}: {}", said(&ran));
        assert!(!stage.path("folder").exists(), "{wrong}");
    }
}

/// `make up` and `make reset` with an engine that does whatever it is told.
fn with_an_engine() -> Stage {
    let stage = workspace();
    for script in ["ci/platform/up", "ci/platform/reset"] {
        stage.script(script, script);
    }
    stage.executable("ci/step", "#!/bin/sh\n");
    stage.program("docker", "");
    stage.file(".stoa/logs/ready.txt", "");
    stage
}

const OURS: &str = "COMPOSE_FILE=compose.yml:services/billing/compose.yml  # make up\n";

#[test]
fn what_somebody_wrote_into_dotenv_stays_whatever_make_does() {
    let stage = with_an_engine();
    let own = "# mine\nLOG=debug\nCOMPOSE_FILE=compose.yml:mine.yml\n";
    stage.file(".env", own);
    fs::set_permissions(stage.path(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    done(&stage, "ci/platform/up");
    let made = stage.text(".env");
    assert!(made.starts_with(own) && made.contains(OURS), "{made}");
    done(&stage, "ci/platform/up");
    assert_eq!(stage.text(".env"), made);
    let file = fs::metadata(stage.path(".env")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    done(&stage, "ci/platform/reset");
    assert_eq!(stage.text(".env"), own);
}

#[test]
fn what_make_alone_wrote_into_dotenv_goes_with_a_reset() {
    let stage = with_an_engine();
    done(&stage, "ci/platform/up");
    assert!(stage.text(".env").contains(OURS));
    done(&stage, "ci/platform/reset");
    assert!(!stage.path(".env").exists());
}

#[test]
fn a_dotenv_from_before_its_lines_were_marked_is_taken_over() {
    let stage = with_an_engine();
    let before = "COMPOSE_PATH_SEPARATOR=:\nCOMPOSE_FILE=compose.yml\nSTOA_SECRETS=./.stoa/secrets\n\
                  STOA_QUEUE=1-2\nCOMPOSE_PROFILES=rabbitmq\n";
    stage.file(".env", &format!("{before}STOA_PORT=8090\n"));
    done(&stage, "ci/platform/up");
    let made = stage.text(".env");
    let (own, ours) = made.split_once('\n').unwrap();
    assert_eq!(own, "STOA_PORT=8090");
    assert!(ours.lines().all(|line| line.ends_with("  # make up")));
    assert!(ours.contains(OURS) && !ours.contains("rabbitmq"), "{ours}");
}
