//! A fixed rate, whatever the answers take; latency counts from when a request was to be sent.

use crate::client::{Connection, Heard, Load};
use crate::poller::Poller;
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Connections that are open from the start; more are opened when all of them wait for answers.
const CONNECTIONS: usize = 32;
const MOST_CONNECTIONS: usize = 1024;
/// How long answers are waited for at the end; who has not answered then has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than the patience, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;
/// Three digits: more than anybody reads.
const DIGITS: u8 = 3;

/// What came of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Nanoseconds of requests that were answered with status 200.
    pub(crate) latency: Histogram<u64>,
    pub(crate) sent: u64,
    /// Other answers, connections that broke, and no answer.
    pub(crate) failed: u64,
    /// Those of them without an answer: the proxy does not stand the rate, or has lost them.
    pub(crate) unanswered: u64,
}

impl Open {
    /// Microseconds below which this share of the answers came.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        Duration::from_nanos(self.latency.value_at_quantile(share)).as_secs_f64() * 1e6
    }
}

/// Asks at this rate for this long.
pub(crate) fn run(load: &Load<'_>, per_second: u32, span: Duration) -> anyhow::Result<Open> {
    let mut client = Client::connect(load)?;
    let step = Duration::from_secs(1) / per_second;
    let start = Instant::now();
    let mut due = start;
    let mut ready = Vec::new();
    loop {
        let now = Instant::now();
        while due <= now && due < start + span {
            client.due.push_back(due);
            due += step;
        }
        client.send_due()?;
        let sending = due < start + span;
        let is_over = client.waiting == 0 || now > start + span + PATIENCE;
        if !sending && is_over {
            break;
        }
        let wake = if sending { due } else { now + PATIENCE };
        client.poller.wait(Some(wake - now), &mut ready)?;
        for at in &ready {
            client.attend(*at)?;
        }
    }
    client.open.unanswered = client.waiting as u64 + client.due.len() as u64;
    client.open.failed += client.open.unanswered;
    Ok(client.open)
}

struct Client<'a> {
    load: &'a Load<'a>,
    poller: Poller,
    connections: Vec<Seat>,
    /// Those without a request on their way, the one that has rested longest first.
    idle: VecDeque<usize>,
    /// When those were to be sent that no connection has taken yet.
    due: VecDeque<Instant>,
    waiting: usize,
    open: Open,
}

struct Seat {
    connection: Option<Connection>,
    /// When the request on its way was to be sent.
    due: Option<Instant>,
}

impl<'a> Client<'a> {
    fn connect(load: &'a Load<'a>) -> anyhow::Result<Self> {
        let mut client = Self {
            load,
            poller: Poller::new()?,
            connections: Vec::new(),
            idle: VecDeque::new(),
            due: VecDeque::new(),
            waiting: 0,
            open: Open {
                latency: Histogram::new_with_bounds(1, LONGEST, DIGITS)?,
                sent: 0,
                failed: 0,
                unanswered: 0,
            },
        };
        for _ in 0..CONNECTIONS {
            let at = client.seat();
            client.connect_at(at)?;
        }
        Ok(client)
    }

    fn seat(&mut self) -> usize {
        self.connections.push(Seat {
            connection: None,
            due: None,
        });
        self.idle.push_back(self.connections.len() - 1);
        self.connections.len() - 1
    }

    fn connect_at(&mut self, at: usize) -> anyhow::Result<()> {
        let connection = Connection::open(self.load.address)?;
        self.poller.add(&connection.stream, at)?;
        self.connections[at].connection = Some(connection);
        Ok(())
    }

    fn send_due(&mut self) -> anyhow::Result<()> {
        while let Some(due) = self.due.front().copied() {
            if self.idle.is_empty() && self.connections.len() < MOST_CONNECTIONS {
                self.seat();
            }
            let Some(at) = self.idle.pop_front() else {
                return Ok(());
            };
            self.due.pop_front();
            if self.connections[at].connection.is_none() {
                self.connect_at(at)?;
            }
            let index = usize::try_from(self.open.sent)? % self.load.requests.len();
            let seat = &mut self.connections[at];
            seat.due = Some(due);
            if let Some(connection) = &mut seat.connection {
                connection.send(&self.load.requests[index]);
            }
            self.open.sent += 1;
            self.waiting += 1;
        }
        Ok(())
    }

    fn attend(&mut self, at: usize) -> anyhow::Result<()> {
        let seat = &mut self.connections[at];
        let Some(connection) = &mut seat.connection else {
            return Ok(());
        };
        let heard = connection.hear();
        if heard == Heard::Nothing {
            return Ok(());
        }
        if !matches!(heard, Heard::Answer { last: false, .. }) {
            seat.connection = None;
        }
        // One that is closed while it rests has not failed.
        let Some(due) = seat.due.take() else {
            return Ok(());
        };
        self.waiting -= 1;
        self.idle.push_back(at);
        if matches!(heard, Heard::Answer { status: 200, .. }) {
            let took = u64::try_from(due.elapsed().as_nanos())?;
            self.open.latency.saturating_record(took);
        } else {
            self.open.failed += 1;
        }
        Ok(())
    }
}
