//! The truth table of a deploy: for every way in which one can end, the exit code, the named cause, the time that it
//! may take, and what runs afterwards.

use anyhow::{Context as _, Result};
use delivery::{LostNode, Mode, Trial, wait_until};
use std::time::Duration;

/// A good deploy of the small platform takes 10 to 20 seconds on two free cores.
const GOOD: Duration = Duration::from_mins(2);
/// A failing one is found out, and put back.
const PUT_BACK: Duration = Duration::from_mins(3);
/// What is refused is refused before anything is touched.
const REFUSED: Duration = Duration::from_mins(1);

/// Deploys the version `one`, which is well.
fn first(trial: &Trial) -> Result<()> {
    trial.push("one")?;
    trial.deploy("one")?.exits(0).says("succeeded").within(GOOD);
    Ok(())
}

/// Fails unless everything runs as `before`.
#[track_caller]
fn assert_put_back(
    trial: &Trial,
    before: &std::collections::BTreeMap<String, String>,
) -> Result<()> {
    assert_eq!(trial.images()?, *before);
    assert!(trial.is_whole()?, "not every task runs");
    Ok(())
}

#[test]
fn a_good_deploy_runs_what_was_asked_for_and_the_same_again_restarts_nothing() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    trial.push("two")?;
    trial.deploy("two")?.exits(0).says("succeeded").within(GOOD);
    let images = trial.images()?;
    assert!(
        images["platform_api"].starts_with("api:two@sha256:"),
        "{images:?}"
    );
    assert!(
        images["platform_web"].starts_with("web:two@sha256:"),
        "{images:?}"
    );
    assert!(!images.contains_key("platform_api-migrate"), "{images:?}");
    let tasks = trial.running_tasks()?;
    trial.deploy("two")?.exits(0).within(GOOD);
    assert_eq!(trial.running_tasks()?, tasks);
    Ok(())
}

#[test]
fn a_crashing_update_is_put_back_with_the_lines_of_the_task_that_crashed() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.images()?;
    trial.push_with("crash", &[("web", Mode::Crash)])?;
    trial
        .deploy("crash")?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: crash loop: platform_web")
        .says("cannot start: no such setting")
        .says("what to do:")
        .says("was put back");
    assert_put_back(&trial, &before)
}

#[test]
fn an_update_that_is_never_healthy_is_put_back() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.images()?;
    trial.push_with("sick", &[("web", Mode::Sick)])?;
    trial
        .deploy("sick")?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: failing health check: platform_web")
        .says("serving sick");
    assert_put_back(&trial, &before)
}

#[test]
fn a_bad_first_deploy_ends_and_leaves_nothing_behind() -> Result<()> {
    let trial = Trial::on("staging")?;
    trial.push_with("crash", &[("web", Mode::Crash)])?;
    trial
        .deploy("crash")?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: crash loop: platform_web")
        .says("its stacks were removed");
    assert!(trial.images()?.is_empty());
    Ok(())
}

#[test]
fn a_failing_migration_stops_the_deploy_before_a_service_is_touched() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let (before, tasks) = (trial.images()?, trial.running_tasks()?);
    trial.push_with("bad-migration", &[("api", Mode::BadMigration)])?;
    trial
        .deploy("bad-migration")?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: failing migration: platform_api-migrate")
        .says("relation \"notes\" does not exist");
    assert_put_back(&trial, &before)?;
    assert_eq!(trial.running_tasks()?, tasks);
    Ok(())
}

#[test]
fn a_migration_that_ends_well_is_waited_for_and_gone_afterwards() -> Result<()> {
    let trial = Trial::on("staging")?;
    trial.push("one")?;
    trial
        .deploy("one")?
        .exits(0)
        .says("run platform_api-migrate")
        .within(GOOD);
    assert!(!trial.images()?.contains_key("platform_api-migrate"));
    Ok(())
}

#[test]
fn a_changed_config_alone_restarts_only_the_service_that_uses_it() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.running_tasks()?;
    trial.write("stacks/edge/edge.conf", "second\n")?;
    trial.deploy("one")?.exits(0).within(GOOD);
    assert_eq!(changed(&before, &trial.running_tasks()?), 1);
    Ok(())
}

#[test]
fn a_changed_secret_alone_restarts_only_the_service_that_uses_it() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.running_tasks()?;
    trial.write_secret("api_key", "second")?;
    trial.deploy("one")?.exits(0).within(GOOD);
    assert_eq!(changed(&before, &trial.running_tasks()?), 1);
    Ok(())
}

fn changed(before: &[String], after: &[String]) -> usize {
    after.iter().filter(|task| !before.contains(task)).count()
}

#[test]
fn one_broken_service_of_eight_leaves_all_eight_as_they_were_every_time() -> Result<()> {
    let services = ["api", "b", "c", "d", "e", "f", "g", "h"];
    let trial = Trial::with_services("staging", &services)?;
    first(&trial)?;
    let before = trial.images()?;
    let rounds = std::env::var("STOA_DELIVERY_ROUNDS").unwrap_or_else(|_| "2".into());
    for round in 0..rounds.parse::<usize>().context("STOA_DELIVERY_ROUNDS")? {
        let broken = services[round % services.len()];
        let version = format!("broken-{broken}");
        trial.push_with(&version, &[(broken, Mode::Crash)])?;
        trial
            .deploy(&version)?
            .exits(1)
            .within(PUT_BACK)
            .says(&format!("cause: crash loop: platform_{broken}"));
        assert_put_back(&trial, &before)?;
    }
    Ok(())
}

#[test]
fn a_missing_image_is_named_before_anything_is_touched() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let tasks = trial.running_tasks()?;
    trial
        .deploy("never-built")?
        .exits(1)
        .within(REFUSED)
        .says("image missing")
        .says("trial/web:never-built")
        .says("nothing was touched");
    assert_eq!(trial.running_tasks()?, tasks);
    Ok(())
}

#[test]
fn a_digest_that_somebody_changed_in_mid_deploy_is_noticed_and_put_back() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.images()?;
    trial.push("two")?;
    let deployer = trial.start(&["deploy", "--version", "two"])?;
    trial.wait_for(&deployer, "watch all services", GOOD)?;
    trial.meddle("platform_web", "registry.stoa.test:5000/trial/sleeper:1")?;
    deployer
        .wait()?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: wrong digest: platform_web")
        .says("sleeper:1");
    assert_put_back(&trial, &before)
}

#[test]
fn a_registry_that_is_down_is_named_before_anything_is_touched() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let tasks = trial.running_tasks()?;
    trial.push("two")?;
    trial.change_cluster("registry: registry.stoa.test:", "registry: 10.99.0.250:")?;
    trial
        .deploy("two")?
        .exits(1)
        .says("registry down")
        .within(REFUSED);
    assert_eq!(trial.running_tasks()?, tasks);
    Ok(())
}

#[test]
fn a_deploy_after_which_no_client_is_served_is_put_back() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.images()?;
    trial.push("two")?;
    // Every task is healthy, and nothing listens where clients come in.
    let addresses = "secrets: secrets\naddresses: [\"10.99.0.21:9\"]\n";
    trial.change_cluster("secrets: secrets\n", addresses)?;
    trial
        .deploy("two")?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: clients not served: nothing answers at 10.99.0.21:9")
        .says("was put back");
    assert_put_back(&trial, &before)
}

#[test]
fn a_node_lost_in_mid_deploy_is_named_and_everything_put_back() -> Result<()> {
    lose_in_mid_deploy("production-3")
}

#[test]
fn a_deploy_whose_own_manager_is_lost_is_put_back_by_way_of_another() -> Result<()> {
    lose_in_mid_deploy("production-1")
}

fn lose_in_mid_deploy(node: &str) -> Result<()> {
    let trial = Trial::on("production")?;
    first(&trial)?;
    let before = trial.images()?;
    trial.push("two")?;
    let deployer = trial.start(&["deploy", "--version", "two"])?;
    trial.wait_for(&deployer, "submit platform", GOOD)?;
    let lost = LostNode::kill(node)?;
    let run = deployer.wait()?;
    lost.bring_back()?;
    run.exits(1)
        .within(Duration::from_mins(4))
        .says(&format!("cause: node lost: {node}"))
        .says("was put back");
    assert_eq!(trial.images()?, before);
    wait_until(GOOD, || trial.is_whole())
}

#[test]
fn of_two_deployers_the_second_is_told_who_the_first_is() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    trial.push("two")?;
    trial.push("three")?;
    let faster = trial.start(&["deploy", "--version", "two"])?;
    trial.wait_for(&faster, "submit data", GOOD)?;
    let second = trial.stoa(&["deploy", "--version", "three", "--wait", "0s"])?;
    second
        .exits(1)
        .says("the cluster is locked")
        .says("trial holds it")
        .within(REFUSED);
    faster.wait()?.exits(0);
    assert!(trial.images()?["platform_web"].starts_with("web:two@"));
    Ok(())
}

#[test]
fn after_a_deployer_was_killed_in_mid_deploy_the_next_one_recovers() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    trial.push("two")?;
    trial.push("three")?;
    let mut deployer = trial.start(&["deploy", "--version", "two"])?;
    trial.wait_for(&deployer, "submit platform", GOOD)?;
    deployer.kill()?;
    trial
        .deploy("three")?
        .exits(0)
        .within(GOOD)
        .says("its deployer died; recorded as abandoned");
    assert!(trial.images()?["platform_web"].starts_with("web:three@"));
    assert!(trial.is_whole()?);
    Ok(())
}

#[test]
fn a_deploy_that_is_told_to_stop_puts_everything_back() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let before = trial.images()?;
    trial.push("two")?;
    let deployer = trial.start(&["deploy", "--version", "two"])?;
    trial.wait_for(&deployer, "watch all services", GOOD)?;
    deployer.terminate()?;
    deployer
        .wait()?
        .exits(1)
        .within(PUT_BACK)
        .says("cause: interrupted")
        .says("was put back");
    assert_put_back(&trial, &before)
}

#[test]
fn a_rollback_runs_exactly_what_the_record_says() -> Result<()> {
    let trial = Trial::on("staging")?;
    first(&trial)?;
    let first_images = trial.images()?;
    trial.push("two")?;
    trial.write("stacks/edge/edge.conf", "second\n")?;
    trial.deploy("two")?.exits(0);
    trial
        .stoa(&["rollback", "--to", "1"])?
        .exits(0)
        .within(GOOD)
        .says("back to release 1")
        .says("succeeded");
    assert_eq!(trial.images()?, first_images);
    trial
        .stoa(&["rollback", "--to", "9"])?
        .exits(1)
        .says("there is no release 9");
    Ok(())
}
