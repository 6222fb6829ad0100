//! What a connection costs that has nothing to say.

use crate::bench::Bench;
use crate::client::{Connection, Heard, Load};
use crate::closed;
use crate::cost::held;
use crate::entrant::Entrant;
use crate::poller::Poller;
use anyhow::{bail, ensure};
use std::time::Duration;

/// Whose connections are looked at.
pub(crate) const ENTRANTS: [Entrant; 6] = [
    Entrant::Nginx,
    Entrant::Haproxy,
    Entrant::Ours,
    Entrant::NginxFull,
    Entrant::HaproxyFull,
    Entrant::OursFull,
];
/// Fills pools and caches first.
const WARM: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(5);

/// Bytes per connection, for each number of connections.
pub(crate) struct Idle {
    pub(crate) entrant: Entrant,
    /// What it holds before the connections come.
    pub(crate) base: u64,
    pub(crate) per_connection: Vec<u64>,
}

/// Opens connections, each of which asks once.
pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Vec<Idle>> {
    ENTRANTS
        .iter()
        .map(|entrant| one(bench, *entrant))
        .collect()
}

fn one(bench: &Bench, entrant: Entrant) -> anyhow::Result<Idle> {
    let load = bench.load(entrant)?;
    closed::run(&load, WARM, || ())?;
    let base = held(bench, entrant).unwrap_or_default();
    let mut connections = Vec::new();
    let mut per_connection = Vec::new();
    for count in &bench.options.idle {
        while connections.len() < *count {
            connections.push(asked(&load, connections.len())?);
        }
        let more = held(bench, entrant)
            .unwrap_or_default()
            .saturating_sub(base);
        per_connection.push(more / (*count as u64).max(1));
    }
    Ok(Idle {
        entrant,
        base,
        per_connection,
    })
}

/// A connection that has had its answer.
fn asked(load: &Load<'_>, at: usize) -> anyhow::Result<Connection> {
    let mut connection = Connection::open(load.address)?;
    let mut poller = Poller::new()?;
    poller.add(&connection.stream, 0)?;
    connection.send(&load.requests[at % load.requests.len()]);
    let mut ready = Vec::new();
    loop {
        poller.wait(Some(ANSWER), &mut ready)?;
        ensure!(!ready.is_empty(), "connection {at} has no answer");
        match connection.hear() {
            Heard::Nothing => {}
            Heard::Answer {
                status: 200,
                last: false,
            } => return Ok(connection),
            other => bail!("connection {at}: {other:?}"),
        }
    }
}
