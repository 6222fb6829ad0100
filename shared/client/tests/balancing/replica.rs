//! A service of the tests, and DNS for it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use serde_json::json;
use stoa_client::{Endpoints, Resolver, ServiceClient};
use stoa_config::InternalToken;

/// The longest that a test waits for anything.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How a replica behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Good,
    /// Says that it is of this service.
    Named(&'static str),
    /// Is about to end.
    Leaving,
    /// Knows nothing of probes.
    Nameless,
    /// Is well, as far as it knows, and answers 500.
    Failing,
    /// Is well, and says that the time was over.
    Late,
    /// Takes connections, and never says anything.
    Frozen,
}

/// One replica of the service `other`.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    state: Arc<Inner>,
}

struct Inner {
    mode: Mutex<Mode>,
    probes: AtomicUsize,
    requests: AtomicUsize,
}

impl Replica {
    pub(crate) async fn start(mode: Mode) -> Self {
        let state = Arc::new(Inner {
            mode: Mutex::new(mode),
            probes: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/internal/v1/identity", get(identity))
            .route("/{*path}", any(answer))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    pub(crate) fn becomes(&self, mode: Mode) {
        *self.state.mode.lock().unwrap() = mode;
    }

    pub(crate) fn probes(&self) -> usize {
        self.state.probes.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl Inner {
    /// How it behaves now; does not come back as long as it is frozen.
    async fn mode(&self) -> Mode {
        loop {
            let mode = *self.mode.lock().unwrap();
            if mode != Mode::Frozen {
                return mode;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn identity(State(state): State<Arc<Inner>>) -> Response {
    state.probes.fetch_add(1, Ordering::SeqCst);
    let (status, name) = match state.mode().await {
        Mode::Named(name) => (StatusCode::OK, name),
        Mode::Leaving => (StatusCode::SERVICE_UNAVAILABLE, "other"),
        Mode::Nameless => return StatusCode::NOT_FOUND.into_response(),
        _ => (StatusCode::OK, "other"),
    };
    (status, Json(json!({ "service": name }))).into_response()
}

async fn answer(State(state): State<Arc<Inner>>) -> Response {
    state.requests.fetch_add(1, Ordering::SeqCst);
    match state.mode().await {
        Mode::Failing => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mode::Late => StatusCode::GATEWAY_TIMEOUT.into_response(),
        _ => Json("here").into_response(),
    }
}

/// DNS as the test wants it.
#[derive(Clone, Default)]
pub(crate) struct Dns(Arc<Mutex<Vec<SocketAddr>>>);

impl Dns {
    pub(crate) fn of(replicas: &[&Replica]) -> Self {
        let dns = Self::default();
        dns.says(replicas.iter().map(|replica| replica.address));
        dns
    }

    pub(crate) fn says(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        *self.0.lock().unwrap() = addresses.into_iter().collect();
    }

    pub(crate) fn resolver(&self) -> Resolver {
        let addresses = Arc::clone(&self.0);
        Resolver::new(move |_, _| {
            let addresses = addresses.lock().unwrap().clone();
            async move { Ok(addresses) }
        })
    }

    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints::new("tasks.other", 8080, self.resolver())
    }

    pub(crate) fn client(&self) -> ServiceClient {
        let url = "http://other:8080";
        let client = ServiceClient::new("other", url, InternalToken::new("between-us"));
        client.with_resolver(url, self.resolver())
    }
}

/// An address that nobody connects to.
pub(crate) fn address(port: u16) -> SocketAddr {
    ([10, 0, 0, 1], port).into()
}

/// Endpoints at these ports, which nobody connects to.
pub(crate) fn at(ports: impl IntoIterator<Item = u16>) -> Endpoints {
    let dns = Dns::default();
    dns.says(ports.into_iter().map(address));
    dns.endpoints()
}
