//! What breaks, and what that may cost.

use crate::dns::Answer;
use crate::world::World;
use std::net::SocketAddr;

/// Port 9 is the discard service, which nobody runs.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// What is done to one of three replicas, or to DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Killed,
    /// It takes connections and never answers.
    Frozen,
    /// Every answer of it is a 500.
    Failing,
    Slow,
    /// DNS knows no address.
    DnsEmpty,
    /// DNS does not answer.
    DnsAway,
    /// DNS still names a replica that is no more.
    DnsStale,
    /// DNS names another service's address as well.
    DnsForeign,
}

impl Fault {
    /// Of a hundred requests, how many may fail.
    pub(crate) fn budget(self) -> usize {
        match self {
            // What was on its way to it and cannot be repeated.
            Self::Killed => 2,
            // Those that it held when their time was up.
            Self::Frozen => 5,
            // Those that show that it fails, and those that find out whether it still does.
            Self::Failing | Self::DnsForeign => 10,
            Self::Slow | Self::DnsEmpty | Self::DnsAway | Self::DnsStale => 0,
        }
    }

    /// Breaks it.
    pub(crate) async fn begin(self, world: &mut World) {
        match self {
            Self::Killed => world.replicas[0].kill().await,
            Self::Frozen => world.replicas[0].freeze(),
            Self::Failing => world.replicas[0].fails().await,
            Self::Slow => world.replicas[0].is_slow().await,
            Self::DnsEmpty => world.dns.says(Answer::Addresses(Vec::new())),
            Self::DnsAway => world.dns.says(Answer::Away),
            Self::DnsStale => world.says_too(NOBODY),
            Self::DnsForeign => world.says_too(world.foreign),
        }
    }

    /// Mends what a hand mends anyway: a scheduler starts tasks again, and what is wrong with a replica passes. The
    /// gateway is told nothing.
    pub(crate) async fn end(self, world: &mut World) {
        match self {
            Self::Killed => world.replicas[0].start_again().await,
            Self::Frozen => world.replicas[0].thaw(),
            Self::Failing | Self::Slow => world.replicas[0].answers_well().await,
            Self::DnsEmpty | Self::DnsAway | Self::DnsStale | Self::DnsForeign => {
                world.says_the_truth();
            }
        }
    }
}
