//! How many connections there may be: of all clients, and of one.

use metrics::Counter;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use stoa_config::{Env, Settings};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const FULL: &str = "gateway_connections_full_total";

/// The settings of the connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionSettings {
    /// Of all clients; more wait in the backlog of the listener.
    pub total: usize,
    /// Of one address; more are closed at once.
    pub per_address: usize,
}

impl Settings for ConnectionSettings {
    fn read(env: &mut Env) -> Option<Self> {
        // None at all would be a gateway that is ready and answers nobody.
        let total =
            env.parse::<NonZeroUsize>("CONNECTIONS_MAX", "connections at a time; more wait");
        let total = total.default("20000").read();
        let per_address = env.parse::<NonZeroUsize>(
            "CONNECTIONS_PER_ADDRESS",
            "connections of one address at a time; more are closed",
        );
        // A company behind one address has some hundred people with a few connections each.
        let per_address = per_address.default("4000").read();
        Some(Self {
            total: total?.get(),
            per_address: per_address?.get(),
        })
    }
}

/// The count of all connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    all: Arc<Semaphore>,
    per_address: usize,
    addresses: Addresses,
    /// Times that one had to wait for room among all.
    waited: Counter,
    /// Those that were closed because their address had too many.
    closed: Counter,
}

type Addresses = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One of the connections of an address, until it is dropped.
#[derive(Debug)]
pub struct Held {
    address: IpAddr,
    addresses: Addresses,
}

impl Connections {
    /// Nobody is connected.
    pub fn new(settings: ConnectionSettings) -> Self {
        metrics::describe_counter!(
            FULL,
            "Times that there was no room for a connection: among all it waits, of its address it is closed"
        );
        let full = |limit: &'static str| {
            let counter = metrics::counter!(FULL, "limit" => limit);
            counter.absolute(0);
            counter
        };
        let total = settings.total.min(Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(total)),
            per_address: settings.per_address,
            addresses: Addresses::default(),
            waited: full("all"),
            closed: full("address"),
        }
    }

    /// Waits until one more may be accepted. To be asked for before `accept`, so that who comes
    /// too much stays in the kernel's queue.
    pub async fn room(&self) -> OwnedSemaphorePermit {
        let all = Arc::clone(&self.all);
        if let Ok(room) = Arc::clone(&all).try_acquire_owned() {
            return room;
        }
        self.waited.increment(1);
        all.acquire_owned().await.expect("it is never closed")
    }

    /// One more connection of this address, unless it has too many.
    pub fn hold(&self, address: IpAddr) -> Option<Held> {
        let address = network(address);
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_default();
        if *count >= self.per_address {
            self.closed.increment(1);
            return None;
        }
        *count += 1;
        Some(Held {
            address,
            addresses: Arc::clone(&self.addresses),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// Whoever has an IPv6 address has its whole /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_back_what_it_has_given_up() {
        let connections = Connections::new(ConnectionSettings {
            total: 9,
            per_address: 2,
        });
        let hold = |address: &str| connections.hold(address.parse().expect("an address"));
        let first = hold("2001:db8::1");
        let second = hold("2001:db8::2");
        assert!(first.is_some() && second.is_some());
        assert!(hold("2001:db8::3").is_none(), "the same /64");
        assert!(hold("2001:db8:0:1::3").is_some());
        drop(first);
        assert!(hold("2001:db8::3").is_some());
        drop(second);
        let addresses = connections.addresses.lock().expect("nobody panicked");
        assert!(addresses.is_empty());
    }
}
