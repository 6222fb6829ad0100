//! Asks an address who it is, or at least whether it is well.
//!
//! DNS may name an address that is of another service by now: addresses are used again, and
//! records come late. So the one who answers has to say its name.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use stoa_contracts::service_identity::{IDENTITY_PATH, ServiceIdentity};
use tokio::net::TcpStream;

/// The longest that a probe takes: who has not said its name by then has no time for requests.
const LIMIT: Duration = Duration::from_secs(1);
/// Known addresses are asked this often while there are requests.
const INTERVAL: Duration = Duration::from_secs(2);
/// The most that is read of an answer, in bytes.
const BODY_LIMIT: usize = 4096;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How the addresses of a service are checked.
#[derive(Debug, Clone)]
pub struct Probe {
    ask: Ask,
    pub(super) interval: Duration,
}

#[derive(Debug, Clone)]
enum Ask {
    Service(String),
    Path(String),
}

/// What a probe has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is the right one, and well.
    Good,
    /// It says itself that it is about to end.
    Leaving,
    /// It is another service.
    Foreign,
    /// No answer, or none that says anything.
    Silent,
}

impl Probe {
    /// Asks a service of ours for its name, and takes no other.
    pub fn service(name: &str) -> Self {
        Self::new(Ask::Service(name.to_owned()))
    }

    /// Asks a foreign server for `path`, and takes any 2xx.
    pub fn path(path: &str) -> Self {
        Self::new(Ask::Path(path.to_owned()))
    }

    fn new(ask: Ask) -> Self {
        Self {
            ask,
            interval: INTERVAL,
        }
    }

    /// The same probe, made this often.
    #[must_use]
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Asks at `address`, which goes by the name of `host`.
    pub(super) async fn ask(&self, address: SocketAddr, host: &str) -> Finding {
        let path = match &self.ask {
            Ask::Service(_) => IDENTITY_PATH,
            Ask::Path(path) => path,
        };
        let answer = tokio::time::timeout(LIMIT, get(address, host, path)).await;
        match answer {
            Ok(Ok((status, body))) => self.judge(status, &body),
            _ => Finding::Silent,
        }
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Finding {
        let Ask::Service(name) = &self.ask else {
            return if status.is_success() {
                Finding::Good
            } else {
                Finding::Silent
            };
        };
        match serde_json::from_slice::<ServiceIdentity>(body) {
            Ok(identity) if identity.service != *name => Finding::Foreign,
            Ok(_) if status.is_success() => Finding::Good,
            Ok(_) if status == StatusCode::SERVICE_UNAVAILABLE => Finding::Leaving,
            _ => Finding::Silent,
        }
    }
}

/// One request on a connection of its own: that connections are taken is part of the question.
async fn get(address: SocketAddr, host: &str, path: &str) -> Result<(StatusCode, Bytes), BoxError> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, host);
    let request = request.body(Empty::<Bytes>::new())?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_LIMIT);
        Ok((status, body.collect().await?.to_bytes()))
    };
    // The connection ends when nobody can send on it any more.
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}
