//! A service with several addresses, as a deploy makes and removes them.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{any, get};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stoa_client::Resolver;
use stoa_service::{App, Context, HttpSettings, Running};
use stoa_testing::eventually;
use tokio::sync::Notify;

/// DNS as the test wants it.
#[derive(Clone, Default)]
pub(crate) struct Dns {
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    lookups: Arc<AtomicUsize>,
}

impl Dns {
    /// What it answers from now on.
    pub(crate) fn says(&self, addresses: &[SocketAddr]) {
        *self.addresses.lock().expect("the lock") = addresses.to_vec();
    }

    /// The same, and somebody who asks all the time has heard it.
    pub(crate) async fn has_said(&self, addresses: &[SocketAddr]) {
        self.says(addresses);
        let before = self.lookups();
        // The first lookup from here on may have begun before; when the third begins, the second
        // has ended.
        let heard = async || (self.lookups() >= before + 3).then_some(());
        eventually(Duration::from_secs(30), heard).await;
    }

    /// How often it was asked.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    /// Asks this DNS.
    pub(crate) fn resolver(&self) -> Resolver {
        let dns = self.clone();
        Resolver::new(move |_, _| {
            dns.lookups.fetch_add(1, Ordering::SeqCst);
            let addresses = dns.addresses.lock().expect("the lock").clone();
            async { Ok(addresses) }
        })
    }
}

/// One process of the service.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    running: Option<Running>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    release: Notify,
}

impl Replica {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut replica = Self {
            address: nowhere,
            seen: Arc::default(),
            running: None,
        };
        replica.start_again().await;
        replica
    }

    /// Starts it where it was.
    pub(crate) async fn start_again(&mut self) {
        let router = Router::new()
            .route("/api/v1/open/hold", get(hold))
            .route("/api/v1/open/x", any(count))
            .with_state(Arc::clone(&self.seen));
        let settings = HttpSettings {
            listen: self.address,
            drain_delay: Duration::from_millis(200),
            ..HttpSettings::loopback()
        };
        let running = App::new(router)
            .start(&settings, &Context::default().named("echo"))
            .await
            .expect("the port is free");
        let address = running.url()["http://".len()..].parse();
        self.address = address.expect("an address");
        self.running = Some(running);
    }

    /// Ends it as SIGTERM would.
    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().expect("it runs");
        running.stop().await.expect("a clean end");
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// Lets a request to `/api/v1/open/hold` end.
    pub(crate) fn release(&self) {
        self.seen.release.notify_one();
    }
}

async fn hold(State(seen): State<Arc<Seen>>) -> &'static str {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    seen.release.notified().await;
    "held"
}

async fn count(State(seen): State<Arc<Seen>>, body: Bytes) -> String {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    body.len().to_string()
}
