//! As much as goes: every connection sends its next request when it has its answer.

use crate::client::{Connection, Heard, Load};
use crate::poller::Poller;
use std::time::{Duration, Instant};

/// How many connections there are.
pub(crate) const CONNECTIONS: usize = 64;
/// Until the connections and what they wake up are warm.
const WARM: Duration = Duration::from_millis(200);
/// The longest wait for anything; then the clock is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What came of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed<M> {
    /// Answers with status 200.
    pub(crate) answers: u64,
    /// Other answers, and connections that broke.
    pub(crate) failed: u64,
    pub(crate) took: Duration,
    /// What the meter said at the start and at the end.
    pub(crate) meters: (M, M),
}

/// Asks for this long, after a warm-up.
pub(crate) fn run<M>(
    load: &Load<'_>,
    window: Duration,
    meter: impl Fn() -> M,
) -> anyhow::Result<Closed<M>> {
    let mut client = Client::connect(load)?;
    client.ask_until(Instant::now() + WARM)?;
    client.answers = 0;
    client.failed = 0;
    let (before, start) = (meter(), Instant::now());
    client.ask_until(start + window)?;
    let (after, took) = (meter(), start.elapsed());
    Ok(Closed {
        answers: client.answers,
        failed: client.failed,
        took,
        meters: (before, after),
    })
}

struct Client<'a> {
    load: &'a Load<'a>,
    poller: Poller,
    connections: Vec<Connection>,
    sent: usize,
    answers: u64,
    failed: u64,
}

impl<'a> Client<'a> {
    fn connect(load: &'a Load<'a>) -> anyhow::Result<Self> {
        let mut client = Self {
            load,
            poller: Poller::new()?,
            connections: Vec::new(),
            sent: 0,
            answers: 0,
            failed: 0,
        };
        for at in 0..CONNECTIONS {
            let connection = Connection::open(load.address)?;
            client.poller.add(&connection.stream, at)?;
            client.connections.push(connection);
            client.send(at);
        }
        Ok(client)
    }

    fn send(&mut self, at: usize) {
        self.sent += 1;
        let request = &self.load.requests[self.sent % self.load.requests.len()];
        self.connections[at].send(request);
    }

    fn ask_until(&mut self, end: Instant) -> anyhow::Result<()> {
        let mut ready = Vec::new();
        while Instant::now() < end {
            self.poller.wait(Some(LOOK), &mut ready)?;
            for at in &ready {
                self.attend(*at)?;
            }
        }
        Ok(())
    }

    fn attend(&mut self, at: usize) -> anyhow::Result<()> {
        let heard = self.connections[at].hear();
        match heard {
            Heard::Nothing => return Ok(()),
            Heard::Answer { status: 200, .. } => self.answers += 1,
            Heard::Answer { .. } | Heard::Gone => self.failed += 1,
        }
        if !matches!(heard, Heard::Answer { last: false, .. }) {
            self.connections[at] = Connection::open(self.load.address)?;
            self.poller.add(&self.connections[at].stream, at)?;
        }
        self.send(at);
        Ok(())
    }
}
