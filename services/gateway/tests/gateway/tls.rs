//! TLS at the edge, and a certificate that is renewed under way.

use crate::support::{World, json};
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const DEADLINE: Duration = Duration::from_secs(10);
/// Two looks at the files, and some.
const WATCHED: Duration = Duration::from_millis(2500);

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate")
}

/// The two files of a gateway.
struct Files(TempDir);

impl Files {
    fn with(certificate: &CertifiedKey<KeyPair>) -> Self {
        let files = Self(tempfile::tempdir().expect("a folder"));
        files.write(certificate, certificate);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, certificate: &CertifiedKey<KeyPair>, key: &CertifiedKey<KeyPair>) {
        let write = |path: &Path, text: String| std::fs::write(path, text).expect("room");
        write(&self.path("certificate.pem"), certificate.cert.pem());
        write(&self.path("key.pem"), key.signing_key.serialize_pem());
    }

    async fn world(&self) -> World {
        self.world_with(&[]).await
    }

    async fn world_with(&self, settings: &[(&str, &str)]) -> World {
        let certificate = self.path("certificate.pem").display().to_string();
        let key = self.path("key.pem").display().to_string();
        let own = [
            ("TLS_CERTIFICATE_FILE", certificate.as_str()),
            ("TLS_KEY_FILE", &key),
            ("TLS_LISTEN_ADDR", "127.0.0.1:0"),
        ];
        World::with(&[&own, settings].concat()).await
    }
}

/// A handshake of a client that trusts only these.
async fn connect(
    address: SocketAddr,
    trusted: &[&CertifiedKey<KeyPair>],
    version: &'static SupportedProtocolVersion,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.cert.der().clone()).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// The certificate that a new client is shown.
async fn shown(address: SocketAddr, trusted: &[&CertifiedKey<KeyPair>]) -> CertificateDer<'static> {
    let stream = connect(address, trusted, &rustls::version::TLS13).await;
    let stream = stream.expect("a handshake");
    let chain = stream.get_ref().1.peer_certificates().expect("a chain");
    chain[0].clone().into_owned()
}

/// One request on an open connection; the beginning of its answer.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    let request = b"GET /api/v1/open/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("it is open");
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn http2_over_tls_comes_through_and_says_so() {
    let certificate = certificate();
    let world = Files::with(&certificate).world().await;
    let address = world.secure_address();
    let root = reqwest::Certificate::from_der(certificate.cert.der()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .resolve("localhost", address)
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/api/v1/open/x", address.port());
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    let hsts = &response.headers()["strict-transport-security"];
    assert_eq!(hsts, "max-age=31536000");
    let told = json(response).await;
    assert_eq!(told["headers"]["x-forwarded-proto"], "https");
    let plain = world.get("/api/v1/open/x").await;
    assert!(!plain.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn older_versions_are_refused() {
    let certificate = certificate();
    let world = Files::with(&certificate).world().await;
    let address = world.secure_address();
    let trusted = [&certificate];
    let current = connect(address, &trusted, &rustls::version::TLS13).await;
    assert!(ask(&mut current.unwrap()).await.starts_with("HTTP/1.1 200"));
    let old = connect(address, &trusted, &rustls::version::TLS12).await;
    assert!(old.is_err());
}

#[tokio::test]
async fn doubtful_framing_is_refused_over_tls_too() {
    let certificate = certificate();
    let world = Files::with(&certificate).world().await;
    let trusted = [&certificate];
    let stream = connect(world.secure_address(), &trusted, &rustls::version::TLS13);
    let mut stream = stream.await.unwrap();
    let request = b"GET /api/v1/open/x HTTP/1.1\nHost: localhost\n\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    assert_eq!(world.upstream.requests(), 0);
}

#[tokio::test]
async fn the_end_of_a_connection_is_announced_so_that_nobody_can_cut_an_answer_short() {
    let certificate = certificate();
    let world = Files::with(&certificate).world().await;
    let trusted = [&certificate];
    let stream = connect(world.secure_address(), &trusted, &rustls::version::TLS13);
    let mut stream = stream.await.unwrap();
    let request = b"GET /api/v1/open/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // Without `close_notify` this would be an error.
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_given_up_over_tls_too() {
    let certificate = certificate();
    let files = Files::with(&certificate);
    let world = files.world_with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let trusted = [&certificate];
    let stream = connect(world.secure_address(), &trusted, &rustls::version::TLS13);
    let mut stream = stream.await.unwrap();
    let ask = b"GET /api/v1/open/endless HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(ask).await.unwrap();
    let arrived = async || (world.upstream.working() == 1).then_some(());
    stoa_testing::eventually(DEADLINE, arrived).await;
    let given_up = async || (world.upstream.working() == 0).then_some(());
    stoa_testing::eventually(DEADLINE, given_up).await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_while_old_connections_stay_open() {
    let (old, new) = (certificate(), certificate());
    let files = Files::with(&old);
    let world = files.world().await;
    let address = world.secure_address();
    let opened = connect(address, &[&old], &rustls::version::TLS13).await;
    let mut opened = opened.unwrap();
    assert!(ask(&mut opened).await.starts_with("HTTP/1.1 200"));
    files.write(&new, &new);
    let deadline = Instant::now() + DEADLINE;
    while shown(address, &[&old, &new]).await != *new.cert.der() {
        assert!(Instant::now() < deadline, "the new certificate is used");
    }
    assert!(ask(&mut opened).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_wrong_certificate_is_not_shown_to_anybody() {
    let (old, new) = (certificate(), certificate());
    let files = Files::with(&old);
    let world = files.world().await;
    let address = world.secure_address();
    files.write(&new, &old);
    let watched = Instant::now() + WATCHED;
    while Instant::now() < watched {
        assert_eq!(shown(address, &[&old, &new]).await, *old.cert.der());
    }
    files.write(&new, &new);
    let deadline = Instant::now() + DEADLINE;
    while shown(address, &[&old, &new]).await != *new.cert.der() {
        assert!(Instant::now() < deadline, "the right one is used again");
    }
}

#[test]
fn a_gateway_does_not_start_with_a_wrong_certificate() {
    let (one, other) = (certificate(), certificate());
    let files = Files::with(&one);
    let settings = gateway::TlsSettings {
        listen: ([127, 0, 0, 1], 0).into(),
        certificate: files.path("certificate.pem"),
        key: files.path("key.pem"),
    };
    let refusal = || {
        let tls = gateway::Tls::new(&settings, stoa_service::Clock::system());
        tls.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refusal(), "");
    files.write(&one, &other);
    assert!(refusal().contains("does not fit"), "{}", refusal());
    std::fs::write(files.path("certificate.pem"), "nothing").unwrap();
    assert!(refusal().contains("malformed"), "{}", refusal());
    std::fs::remove_file(files.path("key.pem")).unwrap();
    assert!(refusal().contains("key.pem"), "{}", refusal());
}
