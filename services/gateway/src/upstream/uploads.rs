//! Bodies that go to a service as they come. How long they take is up to clients, so they have a part of what the service
//! may have at once, and each client a part of that.

use crate::connections::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A quarter of what a service may have at once.
const MOST: usize = 128;
/// Those that one address sends.
pub(super) const PER_ADDRESS: usize = 32;

/// The places of one service.
pub(super) struct Uploads {
    all: Arc<Semaphore>,
    addresses: Addresses,
}

type Addresses = Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>;

/// What a body takes up while it comes: of the service, and of what its client may have there.
#[derive(Debug)]
pub(crate) struct Place {
    all: Option<OwnedSemaphorePermit>,
    own: Option<OwnedSemaphorePermit>,
    address: IpAddr,
    addresses: Addresses,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The client has all that it may have.
    Address,
    /// All together have.
    Service,
}

impl Uploads {
    pub(super) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(MOST)),
            addresses: Addresses::default(),
        }
    }

    /// Waits until there is a place for a client at this address, but not longer than this.
    pub(super) async fn place(&self, address: IpAddr, until: Instant) -> Result<Place, Full> {
        let address = network(address);
        let mut place = Place {
            all: None,
            own: None,
            address,
            addresses: Arc::clone(&self.addresses),
        };
        let own = {
            let mut addresses = lock(&self.addresses);
            let own = addresses.entry(address);
            Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(PER_ADDRESS))))
        };
        let own = timeout_at(until, own.acquire_owned()).await;
        // It is never closed, nor is the other.
        place.own = own.map_err(|_| Full::Address)?.ok();
        let all = timeout_at(until, Arc::clone(&self.all).acquire_owned()).await;
        place.all = all.map_err(|_| Full::Service)?.ok();
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.own.take());
        let mut addresses = lock(&self.addresses);
        let own = addresses.get(&self.address);
        // Nobody else has a place, or waits for one.
        if own.is_some_and(|own| Arc::strong_count(own) == 1) {
            addresses.remove(&self.address);
        }
    }
}

fn lock(addresses: &Addresses) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
    addresses.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(1);

    async fn place(uploads: &Uploads, address: &str) -> Result<Place, Full> {
        let address = address.parse().unwrap();
        uploads.place(address, Instant::now() + SOON).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_its_part_and_waits_for_more() {
        let uploads = Uploads::new();
        let mut places = Vec::new();
        for _ in 0..PER_ADDRESS {
            places.push(place(&uploads, "2001:db8::1").await.unwrap());
        }
        let more = place(&uploads, "2001:db8::2").await;
        assert_eq!(more.unwrap_err(), Full::Address, "it is the same /64");
        place(&uploads, "2001:db8:0:1::2").await.unwrap();
        let mut more = Box::pin(place(&uploads, "2001:db8::3"));
        assert!((&mut more).now_or_never().is_none());
        places.pop();
        places.push(more.await.unwrap());
        drop(places);
        assert!(lock(&uploads.addresses).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_have_no_more_than_the_service_takes() {
        let uploads = Uploads::new();
        let mut places = Vec::new();
        for number in 0..MOST {
            let address = format!("10.0.0.{}", number / PER_ADDRESS);
            places.push(place(&uploads, &address).await.unwrap());
        }
        let more = place(&uploads, "10.0.0.99").await;
        assert_eq!(more.unwrap_err(), Full::Service);
        places.pop();
        place(&uploads, "10.0.0.99").await.unwrap();
    }
}
