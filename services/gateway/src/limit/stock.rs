//! Requests that Redis has given out and that have not come yet: a client that asks often is not
//! asked about each time.
//!
//! What lies here has been taken from the client's budget, so all replicas together never let more pass
//! than that; what is not used within a second is lost to the client. Whom Redis has refused is refused here until the
//! moment that it has named, which nothing makes an earlier one as long as it keeps its data.

use super::Client;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Threads that look at once seldom meet.
const SHARDS: usize = 16;
/// Clients that are remembered, per shard; with the maps about 8 MB in all.
const REMEMBERED: usize = 4096;
/// How long what was given is good.
const LIFE: Duration = Duration::from_secs(1);
/// The most that is asked for at once.
const MOST: u32 = 64;

/// What was given out, by client.
pub(super) struct Stock {
    shards: [Mutex<HashMap<Client, Given>>; SHARDS],
    hash: RandomState,
}

#[derive(Clone, Copy)]
struct Given {
    left: u32,
    many: u32,
    until: Instant,
    refused_until: Instant,
}

/// Why nothing is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// So many are to be asked for.
    Wanted(u32),
    /// Redis has said how long it gives none.
    Refused(Duration),
}

impl Stock {
    pub(super) fn new() -> Self {
        Self {
            shards: Default::default(),
            hash: RandomState::new(),
        }
    }

    /// Takes one request; or says how many to ask for. That doubles as long as they are used up in time.
    pub(super) fn take(&self, client: Client, now: Instant) -> Result<(), Short> {
        match self.shard(client).get_mut(&client) {
            Some(given) if now < given.refused_until => {
                Err(Short::Refused(given.refused_until - now))
            }
            Some(given) if now < given.until && given.left > 0 => {
                given.left -= 1;
                Ok(())
            }
            Some(given) if now < given.until => Err(Short::Wanted((given.many * 2).min(MOST))),
            _ => Err(Short::Wanted(1)),
        }
    }

    /// Lays in what was given, one of which is used at once.
    pub(super) fn put(&self, client: Client, many: u32, now: Instant) {
        self.change(client, now, |given| {
            let before = if now < given.until { given.left } else { 0 };
            *given = Given {
                left: before + many - 1,
                many,
                until: now + LIFE,
                ..*given
            };
        });
    }

    /// Remembers that Redis gives none for so long.
    pub(super) fn refuse(&self, client: Client, wait: Duration, now: Instant) {
        self.change(client, now, |given| given.refused_until = now + wait);
    }

    /// Changes what is known of a client, unless too many are known.
    fn change(&self, client: Client, now: Instant, change: impl FnOnce(&mut Given)) {
        let mut shard = self.shard(client);
        if shard.len() >= REMEMBERED && !shard.contains_key(&client) {
            shard.retain(|_, given| now < given.until || now < given.refused_until);
        }
        if shard.len() < REMEMBERED || shard.contains_key(&client) {
            change(shard.entry(client).or_insert(Given {
                left: 0,
                many: 1,
                until: now,
                refused_until: now,
            }));
        }
    }

    /// Puts back one that was taken and is not used.
    pub(super) fn give_back(&self, client: Client) {
        if let Some(given) = self.shard(client).get_mut(&client) {
            given.left += 1;
        }
    }

    fn shard(&self, client: Client) -> MutexGuard<'_, HashMap<Client, Given>> {
        let hash = usize::try_from(self.hash.hash_one(client) % SHARDS as u64).unwrap_or(0);
        self.shards[hash]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Client = Client::Address(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn more_is_asked_for_as_long_as_it_is_used_up_in_time() {
        let (stock, now) = (Stock::new(), Instant::now());
        for wanted in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert_eq!(stock.take(CLIENT, now), Err(Short::Wanted(wanted)));
            stock.put(CLIENT, wanted, now);
            for _ in 1..wanted {
                assert_eq!(stock.take(CLIENT, now), Ok(()));
            }
        }
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let (stock, now) = (Stock::new(), Instant::now());
        stock.put(CLIENT, 2, now);
        assert_eq!(stock.take(CLIENT, now), Ok(()));
        stock.give_back(CLIENT);
        assert_eq!(stock.take(CLIENT, now), Ok(()));
        assert!(stock.take(CLIENT, now).is_err());
    }

    #[test]
    fn what_is_not_used_within_a_second_is_lost() {
        let (stock, now) = (Stock::new(), Instant::now());
        stock.put(CLIENT, 3, now);
        assert_eq!(stock.take(CLIENT, now), Ok(()));
        assert_eq!(stock.take(CLIENT, now + LIFE), Err(Short::Wanted(1)));
    }

    #[test]
    fn who_was_refused_is_refused_until_the_moment_that_was_named() {
        let (stock, now) = (Stock::new(), Instant::now());
        stock.refuse(CLIENT, LIFE * 3, now);
        let refused = Err(Short::Refused(LIFE));
        assert_eq!(stock.take(CLIENT, now + LIFE * 2), refused);
        assert_eq!(stock.take(CLIENT, now + LIFE * 3), Err(Short::Wanted(1)));
    }
}
