//! TLS at the edge: 1.3 only, with a certificate that may be renewed while connections are open.

mod certificate;
mod reload;

pub use certificate::CertificateError;

use certificate::{Certificate, Files};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use stoa_config::Env;
use stoa_service::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Three round trips of the slowest network, and a slow phone.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the certificate is and where it is used.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Where HTTPS listens.
    pub listen: SocketAddr,
    /// The chain, PEM, its own certificate first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl TlsSettings {
    /// The settings, if there are any; the inner `None` means no TLS here.
    #[expect(
        clippy::option_option,
        reason = "what is optional may be missing or wrong"
    )]
    pub(crate) fn read(env: &mut Env) -> Option<Option<Self>> {
        let help = "file of the certificate chain (PEM); with it the gateway speaks TLS itself";
        let certificate = env.text("TLS_CERTIFICATE_FILE", help).optional()?;
        let key = env.text(
            "TLS_KEY_FILE",
            "file of the certificate's private key (PEM)",
        );
        let key = match certificate {
            Some(_) => Some(key.required()?),
            None => key.optional()?,
        };
        let listen = env.parse("TLS_LISTEN_ADDR", "where HTTPS listens, with a certificate");
        let listen = listen.default("0.0.0.0:8443").read()?;
        Some(certificate.zip(key).map(|(certificate, key)| Self {
            listen,
            certificate: certificate.into(),
            key: key.into(),
        }))
    }
}

/// Speaks TLS with clients. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    files: Files,
    clock: Clock,
}

impl Tls {
    /// Reads the certificate; a wrong one is refused here.
    pub fn new(settings: &TlsSettings, clock: Clock) -> Result<Self, CertificateError> {
        reload::describe();
        let files = Files::new(&settings.certificate, &settings.key);
        let certificate = Certificate::read(&files.look()?, clock.now())?;
        reload::show_expiry(&certificate);
        let shown = Arc::new(Shown(RwLock::new(certificate.key)));
        let config = server_config(Arc::clone(&shown))?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            shown,
            files,
            clock,
        })
    }

    /// Shakes hands, within a limit.
    pub async fn accept<T>(&self, stream: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream)).await?
    }
}

fn server_config(shown: Arc<Shown>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A client that comes back to this replica saves the signature.
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// The certificate that the next client is shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn replace(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}
