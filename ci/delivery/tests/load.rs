//! What clients notice of deliveries to production: nothing. This repository's own platform must run there
//! (`make deploy CLUSTER=production`).

use anyhow::{Context as _, Result};
use delivery::{LostNode, Platform, Step};
use std::time::Duration;
use tokio::time::sleep;

const RATE: u32 = 30;
const CONVERSATIONS: u32 = 4;
const JOBS: u32 = 1;
/// With nothing going on, for comparison.
const QUIET: Duration = Duration::from_secs(15);
/// Until a cluster has noticed that a node is gone, and clients are served as before.
const DETECTION: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_and_a_rollback_cost_no_request_no_conversation_and_no_job() -> Result<()> {
    cost_nothing(&[Step::Deploy, Step::Rollback], 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_delivered_costs_no_request_no_conversation_and_no_job() -> Result<()> {
    let rounds = std::env::var("STOA_DELIVERY_ROUNDS").unwrap_or_else(|_| "2".into());
    cost_nothing(&Step::ALL, rounds.parse().context("STOA_DELIVERY_ROUNDS")?).await
}

async fn cost_nothing(steps: &[Step], rounds: usize) -> Result<()> {
    let mut platform = Platform::on("production")?;
    platform.import_demo()?;
    let load = platform.load(RATE, CONVERSATIONS, JOBS).await?;
    let mut taken = Ok(());
    for _ in 0..rounds {
        load.phase("nothing");
        sleep(QUIET).await;
        taken = steps.iter().try_for_each(|step| {
            load.phase(step.name());
            step.take(&mut platform)
        });
        if taken.is_err() {
            break;
        }
    }
    let report = load.stop().await?;
    eprintln!("{report}");
    taken?;
    assert_eq!(report.failures(), 0, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_costs_only_what_was_on_its_way_and_everything_heals() -> Result<()> {
    let platform = Platform::on("production")?;
    platform.import_demo()?;
    // PostgreSQL has one server; what its loss means stands in docs/decisions.
    let node = platform.node_without(&["data_postgres", "data_redis"])?;
    let load = platform.load(RATE, CONVERSATIONS, JOBS).await?;
    load.phase("before");
    sleep(QUIET).await;
    load.phase("a node dies");
    let lost = LostNode::kill(&node)?;
    sleep(DETECTION).await;
    load.phase("a node is missing");
    sleep(QUIET).await;
    load.phase("the node comes back");
    lost.bring_back()?;
    platform.heals()?;
    load.phase("afterwards");
    sleep(QUIET).await;
    let report = load.stop().await?;
    eprintln!("{report}");
    for phase in &report.phases {
        assert_eq!(phase.jobs_lost, 0, "{report}");
        let failures = phase.failed + phase.dropped;
        assert!(failures == 0 || phase.name == "a node dies", "{report}");
    }
    Ok(())
}
