//! What a producer is told on stdin, and what it answers.

use anyhow::Context as _;
use std::ops::Range;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

/// What a producer shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Enqueue jobs as fast as it goes; each takes `sleep` milliseconds.
    Burst { count: u64, sleep: u64 },
    /// Enqueue jobs at a rate per second.
    Pace { count: u64, rate: u32 },
    /// Enqueue jobs that all become due within the second after that many seconds.
    Due { count: u64, seconds: u64 },
}

impl Order {
    pub(crate) fn count(self) -> u64 {
        match self {
            Self::Burst { count, .. } | Self::Pace { count, .. } | Self::Due { count, .. } => count,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (kind, count, last) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let sleep_or_seconds = last.parse().ok()?;
        match kind {
            "burst" => Some(Self::Burst {
                count,
                sleep: sleep_or_seconds,
            }),
            "pace" => Some(Self::Pace {
                count,
                rate: last.parse().ok()?,
            }),
            "due" => Some(Self::Due {
                count,
                seconds: sleep_or_seconds,
            }),
            _ => None,
        }
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Burst { count, sleep } => write!(f, "burst {count} {sleep}"),
            Self::Pace { count, rate } => write!(f, "pace {count} {rate}"),
            Self::Due { count, seconds } => write!(f, "due {count} {seconds}"),
        }
    }
}

/// The orders on stdin; jobs are numbered on from one to the next.
pub(crate) struct Orders {
    lines: Lines<BufReader<Stdin>>,
    next_id: u64,
}

impl Orders {
    /// Says that orders can come now.
    pub(crate) fn ready() -> Self {
        say("ready");
        Self {
            lines: BufReader::new(tokio::io::stdin()).lines(),
            next_id: 0,
        }
    }

    /// The next order and the numbers of its jobs; `None` once stdin is closed.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<(Order, Range<u64>)>> {
        let Some(line) = self.lines.next_line().await? else {
            return Ok(None);
        };
        let order = Order::parse(&line).with_context(|| format!("unknown order: {line}"))?;
        let from = self.next_id;
        self.next_id += order.count();
        Ok(Some((order, from..self.next_id)))
    }

    /// Says that the jobs are with the broker.
    #[expect(clippy::unused_self, reason = "only who has an order can end it")]
    pub(crate) fn done(&self) {
        say("done");
    }
}

#[expect(clippy::print_stdout, reason = "the driver reads it")]
fn say(word: &str) {
    println!("{word}");
}

/// The broker.
pub(crate) fn url() -> anyhow::Result<String> {
    std::env::var("BENCH_URL").context("BENCH_URL")
}

/// How many jobs run at a time.
pub(crate) fn concurrency() -> anyhow::Result<usize> {
    let text = std::env::var("BENCH_CONCURRENCY").context("BENCH_CONCURRENCY")?;
    text.parse().context("BENCH_CONCURRENCY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for order in [
            Order::Burst {
                count: 7,
                sleep: 50,
            },
            Order::Pace { count: 9, rate: 20 },
            Order::Due {
                count: 3,
                seconds: 60,
            },
        ] {
            assert_eq!(Order::parse(&order.to_string()), Some(order));
        }
        assert_eq!(Order::parse("burst many 0"), None);
    }
}
