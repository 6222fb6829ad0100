//! Where addresses come from.

use std::{fmt, io, net::SocketAddr, pin::Pin, sync::Arc};

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Finds the addresses of a host: DNS in the product, whatever a test says in a test.
#[derive(Clone)]
pub struct Resolver(Arc<dyn Fn(String, u16) -> Answer + Send + Sync>);

impl Resolver {
    /// The resolver of the system.
    pub fn dns() -> Self {
        Self::new(
            |host, port| async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) },
        )
    }

    /// A resolver that asks `resolve` for the addresses of a host, with this port.
    pub fn new<F>(resolve: impl Fn(String, u16) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |host, port| Box::pin(resolve(host, port))))
    }

    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (self.0)(host.to_owned(), port).await
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}
