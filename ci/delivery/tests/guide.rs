//! What the guides tell an operator to run works as it stands there, from the first block to the last, on the local
//! clusters. The images of this commit have to be in their registry: `make deploy CLUSTER=staging`.

use anyhow::{Context as _, Result, ensure};
use delivery::{Checkout, Guide, LostNode, Run, is_whole, repository, wait_until};
use std::time::Duration;

const DELIVER: &str = "deliver";
const OPERATE: &str = "operate-a-cluster";

/// What stands in the guides for a version, a release and a moment.
const VERSION: &str = "4e27cfc";
const RELEASE: [&str; 2] = ["N=12", "TO=12"];
const MOMENT: &str = "2026-11-24 10:15:00+00";

/// Until a cluster is whole again, or has made its first backup.
const PATIENCE: Duration = Duration::from_mins(3);

/// A walk through the guides.
struct Walk {
    checkout: Checkout,
    guide: Guide,
    /// What is put in the place of an example's values.
    values: Vec<(String, String)>,
}

impl Walk {
    fn begin() -> Result<Self> {
        let checkout = Checkout::make()?;
        let commit = checkout.commit()?;
        Ok(Self {
            checkout,
            guide: Guide::read(DELIVER)?,
            values: vec![(VERSION.to_owned(), commit)],
        })
    }

    /// Runs the next block, which has to say `what`, and fails unless it succeeds.
    fn next(&mut self, what: &str) -> Result<Run> {
        let mut block = self.guide.take(what)?;
        for (example, value) in &self.values {
            block = block.replace(example, value);
        }
        self.checked(&block)
    }

    fn checked(&self, script: &str) -> Result<Run> {
        let run = self.checkout.run(script)?;
        eprintln!("{script}-> {} after {:?}", run.code, run.took);
        ensure!(
            run.code == 0,
            "{script}ended with {}:\n{}",
            run.code,
            run.output
        );
        Ok(run)
    }

    /// Takes the release that runs on staging for the one of the examples.
    fn remember_release(&mut self) -> Result<String> {
        let run = self.checked("make history CLUSTER=staging\n")?;
        let mut lines = run.output.lines();
        let live = lines.find_map(|line| line.strip_prefix("live")?.split_whitespace().next());
        let live = live.with_context(|| run.output.clone())?;
        for example in RELEASE {
            let name = example.trim_end_matches("12");
            self.values
                .push((example.to_owned(), format!("{name}{live}")));
        }
        Ok(live.to_owned())
    }

    /// Runs a command inside the PostgreSQL of staging, with `input`, and returns what it prints.
    fn in_postgres(&self, command: &str, input: &str) -> Result<String> {
        let script = format!(
            "docker=\"docker --host unix:///run/stoa/staging-1.sock\"
             server=$($docker ps --quiet --filter label=com.docker.swarm.service.name=data_postgres)
             $docker exec --interactive $server {command} <<'INPUT'\n{input}\nINPUT\n"
        );
        Ok(self.checked(&script)?.output.trim().to_owned())
    }

    fn sql(&self, statement: &str) -> Result<String> {
        let psql = "psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --username=postgres";
        self.in_postgres(psql, statement)
    }

    /// Waits until a restore to a moment has a backup to begin with.
    fn wait_for_backup(&self) -> Result<()> {
        let info = "pgbackrest --stanza=stoa --output=json info";
        wait_until(PATIENCE, || {
            let listed = self.in_postgres(info, "");
            Ok(listed.is_ok_and(|listed| listed.contains(r#""type":"full""#)))
        })
        .context("no backup was made")
    }
}

#[test]
fn every_command_of_the_guides_runs_on_the_local_clusters() -> Result<()> {
    let mut walk = Walk::begin()?;
    walk.next("make clusters ")?
        .says("staging: staging-1 Ready")
        .says("succeeded")
        .says("staging runs release");
    let first = walk.remember_release()?;
    walk.next("VERSION=")?
        .says("succeeded")
        .says(&format!("roll staging back to release {first}"));
    walk.guide.end()?;

    walk.guide = Guide::read(OPERATE)?;
    walk.next("make logs")?
        .says("nobody deploys")
        .says("number  when (UTC)")
        .says(&format!("release    {first}"))
        .says("\"service\":\"api\"");
    restore(&mut walk)?;
    rotate(&mut walk)?;
    lose_a_node(&mut walk)?;
    walk.next("make gc")?.says("to remove, ").says("to keep");
    take_away(&mut walk)?;
    walk.guide.end()
}

/// A table that somebody drops is there again, and the platform too.
fn restore(walk: &mut Walk) -> Result<()> {
    walk.wait_for_backup()?;
    walk.sql("DROP TABLE IF EXISTS guide; CREATE TABLE guide AS SELECT 42 AS number;")?;
    // A backup ends in a second, and only one that ended in an earlier one leads to the moment.
    walk.sql("SELECT pg_sleep(2);")?;
    let moment = walk.sql("SELECT clock_timestamp();")?;
    walk.sql("DROP TABLE guide;")?;
    walk.values.push((MOMENT.to_owned(), moment));
    walk.next("make restore")?
        .says("data_postgres serves again");
    wait_until(PATIENCE, || is_whole("staging")).context("staging is not whole")?;
    assert_eq!(walk.sql("SELECT number FROM guide;")?, "42");
    walk.sql("DROP TABLE guide;")?;
    walk.next("make deploy CLUSTER=staging")?.says("succeeded");
    let left = walk.next("pgdata.*")?;
    assert_eq!(left.output.trim(), "pgdata");
    Ok(())
}

/// The last deploy succeeds only with passwords that the servers know: migrations and provisioning use them.
fn rotate(walk: &mut Walk) -> Result<()> {
    let names = "api_database_url postgres_password rabbitmq_password queue_url";
    let sums = format!("cd .stoa/clusters/staging/secrets && sha256sum {names}\n");
    let before = walk.checked(&sums)?.output;
    walk.next("api_database_url")?;
    walk.next("next_signing_key")?;
    walk.next("postgres_password")?.says("ALTER ROLE");
    walk.next("rabbitmqctl change_password")?;
    let after = walk.checked(&sums)?.output;
    for (before, after) in before.lines().zip(after.lines()) {
        assert_ne!(before, after, "it is the same secret");
    }
    walk.next("make deploy CLUSTER=staging")?.says("succeeded");
    ensure!(is_whole("staging")?, "staging is not whole");
    walk.next("tar -C")?;
    Ok(())
}

/// Away, back, drained, forgotten, and another one in its place.
fn lose_a_node(walk: &mut Walk) -> Result<()> {
    let lost = LostNode::expected("production", 3);
    walk.next("docker kill")?.says("Down");
    walk.next("docker start")?.says("Reachable");
    drop(lost);
    walk.next("--availability drain")?;
    // Who leaves while it still ends tasks is told that it could not, though it did.
    wait_until(PATIENCE, || is_whole("production")).context("production is not whole")?;
    walk.next("swarm leave")?.says("production-3");
    let nodes = walk.next("swarm join")?;
    nodes.says("This node joined a swarm as a manager");
    assert_eq!(
        nodes.output.matches("production-3  ").count(),
        1,
        "{}",
        nodes.output
    );
    ensure!(!nodes.output.contains("Down"), "{}", nodes.output);
    Ok(())
}

/// What takes the clusters away is run on an engine that only notes what it is told: the other trials need them.
fn take_away(walk: &mut Walk) -> Result<()> {
    let (run, told) = Checkout::run_alone(&walk.guide.take("make clusters-down")?)?;
    run.exits(0)
        .says("Removed the local clusters and their registry");
    for order in [
        "rm --force --volumes a-node",
        "volume rm stoa-registry",
        "volume rm stoa-production-1",
        "network rm stoa-clusters",
    ] {
        assert!(
            told.lines().any(|line| line == order),
            "no `{order}` in:\n{told}"
        );
    }
    assert!(
        !told.contains("volume rm stoa-staging-1-of-another"),
        "{told}"
    );
    Ok(())
}

#[test]
fn every_command_in_the_prose_of_the_guides_stands_in_a_block_too() -> Result<()> {
    let guides = [Guide::read(DELIVER)?, Guide::read(OPERATE)?];
    for name in [DELIVER, OPERATE] {
        let text = read(&format!("docs/guides/{name}.md"))?;
        let spans = text.split('`').skip(1).step_by(2);
        let commands = spans.filter(|span| {
            let is_of_a_cluster = span.contains("CLUSTER=") || span.contains("clusters");
            span.starts_with("docker ") || span.starts_with("make ") && is_of_a_cluster
        });
        for command in commands {
            let is_run = guides.iter().any(|guide| guide.says(command));
            assert!(is_run, "{name}: `{command}` stands in no block");
        }
    }
    Ok(())
}

#[test]
fn every_cause_of_a_failed_deploy_is_explained() -> Result<()> {
    let source = read("ci/stoa/src/deploy/cause.rs")?;
    let guide = read(&format!("docs/guides/{OPERATE}.md"))?;
    let names = source.split("fn advice").next().unwrap_or_default().lines();
    let names = names.filter_map(|line| {
        let name = line.trim().strip_prefix("Self::")?.split_once(" => \"")?.1;
        name.strip_suffix("\",")
    });
    let names: Vec<_> = names.collect();
    assert!(names.contains(&"crash loop"), "{names:?}");
    for name in names {
        let row = format!("\n| `{name}` | ");
        assert!(guide.contains(&row), "no row for `{name}`");
    }
    Ok(())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(repository().join(path)).with_context(|| path.to_owned())
}
