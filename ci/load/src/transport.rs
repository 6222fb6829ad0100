//! How clients come to the platform: in the clear, or by TLS from an edge that they trust.

use anyhow::Result;
use reqwest::{Certificate, ClientBuilder};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::target::HOST;

/// A connection, whatever it is made of.
pub(crate) type Stream = Box<dyn Connection>;

pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

/// How clients come.
pub(crate) enum Transport {
    Plain,
    /// Whom requests trust, and what makes the connections of WebSockets, which trusts the same.
    Tls(Vec<Certificate>, TlsConnector),
}

impl Transport {
    /// By TLS if there is an authority to trust (PEM).
    pub(crate) fn of(authority: Option<&str>) -> Result<Self> {
        let Some(authority) = authority else {
            return Ok(Self::Plain);
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
            roots.add(certificate?)?;
        }
        // WebSockets speak HTTP/1.1, which is what a client means that names no protocol.
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = config.with_no_client_auth();
        Ok(Self::Tls(
            Certificate::from_pem_bundle(authority.as_bytes())?,
            TlsConnector::from(Arc::new(config)),
        ))
    }

    /// What the name of a protocol ends with.
    pub(crate) fn suffix(&self) -> &str {
        match self {
            Self::Plain => "",
            Self::Tls(..) => "s",
        }
    }

    /// A client that trusts whom this does.
    pub(crate) fn trusted(&self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Self::Plain => builder,
            Self::Tls(authority, _) => builder.tls_certs_only(authority.clone()),
        }
    }

    /// What a WebSocket goes over.
    pub(crate) async fn encrypt(&self, stream: TcpStream) -> Result<Stream> {
        match self {
            Self::Plain => Ok(Box::new(stream)),
            Self::Tls(_, connector) => {
                let name = ServerName::try_from(HOST)?;
                Ok(Box::new(connector.connect(name, stream).await?))
            }
        }
    }
}
