//! The edge as a cluster runs it: nginx of this machine with the files of `stacks/edge`, before a stand-in for the gateway.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use futures_util::stream;
use rcgen::{CertifiedKey, KeyPair};
use reqwest::redirect::Policy;
use reqwest::tls::Version as Tls;
use reqwest::{Body, Client, ClientBuilder, Method, Response, StatusCode, Version};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::future::ready;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use stoa_testing::eventually;
use tempfile::TempDir;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers};

const DEADLINE: Duration = Duration::from_secs(20);
/// The name that clients know, and that the certificate is for.
const NAME: &str = "stoa.test";
/// The files of the stack, and where its tasks have them.
const FILES: [(&str, &str); 4] = [
    ("nginx.conf", "nginx.conf"),
    ("edge.conf", "conf.d/default.conf"),
    ("https.conf", "https.conf"),
    ("serve", "serve"),
];

/// Where nginx listens in place of the ports in the files.
#[derive(Clone, Copy)]
struct Ports {
    address: IpAddr,
    plain: u16,
    encrypted: u16,
    metrics: u16,
}

impl Ports {
    /// Of an address that only this process uses, so that no connection of another test has taken one of them.
    fn free() -> Self {
        let [_, a, b, c] = std::process::id().to_be_bytes();
        let address = IpAddr::from([127, 64 | a, b, c]);
        let listeners = [0; 3].map(|port| TcpListener::bind((address, port)).unwrap());
        let [plain, encrypted, metrics] = listeners
            .each_ref()
            .map(|listener| listener.local_addr().unwrap().port());
        Self {
            address,
            plain,
            encrypted,
            metrics,
        }
    }
}

/// One task of the edge.
struct Edge {
    folder: TempDir,
    ports: Ports,
    gateway: MockServer,
    certificate: CertifiedKey<KeyPair>,
    serve: Child,
}

impl Edge {
    /// With a certificate, as a cluster has it that says `https`; `redirects` is what becomes of requests without TLS.
    async fn encrypted(redirects: &str) -> Self {
        let own = certificate();
        let key = own.signing_key.serialize_pem();
        Self::start(own, Some((&key, redirects)))
            .await
            .listening()
            .await
    }

    async fn start(certificate: CertifiedKey<KeyPair>, https: Option<(&str, &str)>) -> Self {
        let gateway = MockServer::start().await;
        Mock::given(matchers::any())
            .respond_with(ResponseTemplate::new(200))
            .mount(&gateway)
            .await;
        let (folder, ports) = (tempfile::tempdir().unwrap(), Ports::free());
        let path = |name: &str| folder.path().join(name);
        for name in ["bin", "conf.d", "secrets", "tmp"] {
            fs::create_dir(path(name)).unwrap();
        }
        // Workers of a master that is root are somebody else.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for (from, to) in FILES {
            fs::write(
                path(to),
                here(from, folder.path(), ports, *gateway.address()),
            )
            .unwrap();
        }
        fs::write(path("mime.types"), "types {}").unwrap();
        let nginx = format!(
            "#!/bin/bash\nPATH=${{PATH#*:}}\nexec nginx -p {0} -c {0}/nginx.conf \"$@\"\n",
            folder.path().display()
        );
        fs::write(path("bin/nginx"), nginx).unwrap();
        fs::set_permissions(path("bin/nginx"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut serve = Command::new("bash");
        serve.arg(path("serve"));
        if let Some((key, redirects)) = https {
            fs::write(path("secrets/edge_certificate"), certificate.cert.pem()).unwrap();
            fs::write(path("secrets/edge_key"), key).unwrap();
            let port = ports.encrypted.to_string();
            serve
                .env("HTTPS_PORT", port)
                .env("HTTPS_REDIRECT", redirects);
        }
        let programs = format!(
            "{}:{}",
            path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let log = fs::File::create(path("log")).unwrap();
        let serve = serve
            .env("PATH", programs)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            folder,
            ports,
            gateway,
            certificate,
            serve,
        }
    }

    async fn listening(mut self) -> Self {
        let plain = SocketAddr::new(self.ports.address, self.ports.plain);
        let log = self.path("log");
        let listens = || {
            let ended = self.serve.try_wait().unwrap();
            assert_eq!(ended, None, "{}", fs::read_to_string(&log).unwrap());
            ready(TcpStream::connect(plain).ok())
        };
        eventually(DEADLINE, listens).await;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// A client that trusts this edge alone.
    fn client(&self) -> ClientBuilder {
        let root = reqwest::Certificate::from_der(self.certificate.cert.der()).unwrap();
        let builder = Client::builder().no_proxy().tls_certs_only([root]);
        builder
            .resolve(NAME, SocketAddr::new(self.ports.address, 0))
            .redirect(Policy::none())
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        let port = if scheme == "https" {
            self.ports.encrypted
        } else {
            self.ports.plain
        };
        format!("{scheme}://{NAME}:{port}{path}")
    }

    async fn get(&self, client: ClientBuilder, scheme: &str) -> Response {
        let url = self.url(scheme, "/x?y=1");
        client.build().unwrap().get(url).send().await.unwrap()
    }

    /// The last request that the gateway has got.
    async fn arrived(&self) -> Request {
        self.gateway
            .received_requests()
            .await
            .unwrap()
            .pop()
            .unwrap()
    }

    async fn metrics(&self) -> String {
        let url = format!(
            "http://{}:{}/metrics",
            self.ports.address, self.ports.metrics
        );
        Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Tells the task to end, and returns when it says so to its clients.
    async fn tell_to_end(&self) {
        signal(self.serve.id(), Signal::TERM);
        let ending = self.path("tmp/ending");
        eventually(DEADLINE, async || ending.exists().then_some(())).await;
    }

    /// Lets the time pass that connections are kept for, and returns the exit code of the task.
    async fn end(&mut self) -> Option<i32> {
        fs::write(self.path("tmp/passed"), "").unwrap();
        self.ended().await.code()
    }

    async fn ended(&mut self) -> ExitStatus {
        eventually(DEADLINE, || ready(self.serve.try_wait().unwrap())).await
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let _ = self.serve.kill();
        let _ = self.serve.wait();
        let nginx = fs::read_to_string(self.path("tmp/nginx.pid")).unwrap_or_default();
        if let Ok(nginx) = nginx.trim().parse() {
            signal(nginx, Signal::TERM);
        }
    }
}

fn signal(id: u32, signal: Signal) {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    let _ = kill_process(id.unwrap(), signal);
}

fn certificate() -> CertifiedKey<KeyPair> {
    drop(rustls::crypto::ring::default_provider().install_default());
    rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap()
}

/// A file of the stack with the places of this test in it.
fn here(file: &str, folder: &Path, ports: Ports, gateway: SocketAddr) -> String {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stacks/edge");
    let text = fs::read_to_string(stack.join(file)).unwrap();
    let (folder, address) = (folder.display(), ports.address);
    let places = [
        ("/tmp/", format!("{folder}/tmp/")),
        ("/etc/nginx/", format!("{folder}/")),
        ("/run/secrets/", format!("{folder}/secrets/")),
        ("listen 8080", format!("listen {address}:{}", ports.plain)),
        (
            "listen 8443",
            format!("listen {address}:{}", ports.encrypted),
        ),
        ("listen 9100", format!("listen {address}:{}", ports.metrics)),
        (
            "tasks.gateway/8080",
            format!("{}/{}", gateway.ip(), gateway.port()),
        ),
        ("tasks.gateway", gateway.ip().to_string()),
        ("$gateway:8080", format!("$gateway:{}", gateway.port())),
        ("sleep 1\n", "sleep 0.1\n".into()),
        // The test says when the time has passed.
        (
            "sleep \"$kept\"",
            format!("until [ -e {folder}/tmp/passed ]; do sleep 0.1; done"),
        ),
    ];
    let place = |text: String, (from, to): &(&str, String)| text.replace(from, to);
    places.iter().fold(text, place)
}

#[tokio::test]
async fn clients_speak_tls_1_3_alone_and_the_gateway_hears_how_they_came() {
    let edge = Edge::encrypted("yes").await;
    let answer = edge.get(edge.client(), "https").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.version(), Version::HTTP_2);
    let answer = edge.get(edge.client().http1_only(), "https").await;
    assert_eq!(answer.version(), Version::HTTP_11);
    for request in edge.gateway.received_requests().await.unwrap() {
        assert_eq!(request.headers["x-forwarded-proto"], "https");
        assert_eq!(request.headers["x-forwarded-for"], "127.0.0.1");
        let host = format!("{NAME}:{}", edge.ports.encrypted);
        assert_eq!(request.headers["host"], host.as_str());
    }
    let old = edge.client().tls_version_max(Tls::TLS_1_2).build().unwrap();
    let refused = old.get(edge.url("https", "/")).send().await;
    assert!(refused.unwrap_err().is_connect());
}

#[tokio::test]
async fn what_comes_without_tls_is_told_where_https_is_but_for_the_health_check() {
    let edge = Edge::encrypted("yes").await;
    let client = edge.client().build().unwrap();
    let sent = client
        .post(edge.url("http", "/x?y=1"))
        .body("a")
        .send()
        .await;
    let told = sent.unwrap();
    assert_eq!(told.status(), StatusCode::PERMANENT_REDIRECT);
    let location = edge.url("https", "/x?y=1");
    assert_eq!(told.headers()["location"], location.as_str());
    assert!(edge.gateway.received_requests().await.unwrap().is_empty());
    let health = client.get(edge.url("http", "/edge/healthz")).send().await;
    assert_eq!(health.unwrap().text().await.unwrap(), "ok\n");
    let followed = edge
        .get(edge.client().redirect(Policy::default()), "http")
        .await;
    assert_eq!(followed.version(), Version::HTTP_2);
    assert_eq!(edge.arrived().await.url.path(), "/x");
}

#[tokio::test]
async fn what_comes_without_tls_is_served_where_the_cluster_wants_that() {
    let edge = Edge::encrypted("no").await;
    assert_eq!(
        edge.get(edge.client(), "http").await.status(),
        StatusCode::OK
    );
    assert_eq!(edge.arrived().await.headers["x-forwarded-proto"], "http");
    assert_eq!(
        edge.get(edge.client(), "https").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn without_a_certificate_there_is_the_plain_port_alone() {
    let edge = Edge::start(certificate(), None).await.listening().await;
    assert_eq!(
        edge.get(edge.client(), "http").await.status(),
        StatusCode::OK
    );
    let client = edge.client().build().unwrap();
    let refused = client.get(edge.url("https", "/")).send().await;
    assert!(refused.unwrap_err().is_connect());
    let metrics = edge.metrics().await;
    assert!(
        metrics.contains("build_info{service=\"edge\"} 1\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("certificate"), "{metrics}");
}

#[tokio::test]
async fn an_edge_that_ends_says_so_over_tls_too() {
    let mut edge = Edge::encrypted("yes").await;
    let kept = edge.client().build().unwrap();
    let ask = async || kept.get(edge.url("https", "/")).send().await.unwrap();
    assert_eq!(ask().await.version(), Version::HTTP_2);
    edge.tell_to_end().await;
    assert_eq!(ask().await.status(), StatusCode::OK);
    for scheme in ["https", "http"] {
        let answer = edge.get(edge.client().http1_only(), scheme).await;
        assert_eq!(answer.headers()["connection"], "close", "{scheme}");
    }
    assert_eq!(edge.end().await, Some(0), "{}", edge.log());
}

#[tokio::test]
async fn bodies_come_through_http2_and_one_that_nobody_expects_takes_no_room() {
    const LARGE: usize = 200_000;
    let edge = Edge::encrypted("yes").await;
    let unsized_body = |size: usize| {
        let pieces = std::iter::repeat_n(Ok::<_, String>(vec![0; 1000]), size / 1000);
        Body::wrap_stream(stream::iter(pieces))
    };
    for (method, body, length) in [
        (Method::POST, Body::from("abc"), 3),
        (Method::POST, Body::from(vec![0; LARGE]), LARGE),
        (Method::PUT, unsized_body(LARGE), LARGE),
        (Method::DELETE, unsized_body(1000), 1000),
        (Method::DELETE, Body::default(), 0),
    ] {
        // On a connection of its own: a body may come with its first bytes.
        let client = edge.client().build().unwrap();
        let sent = client
            .request(method.clone(), edge.url("https", "/"))
            .body(body)
            .send()
            .await;
        assert_eq!(sent.unwrap().status(), StatusCode::OK, "{method} {length}");
        assert_eq!(edge.arrived().await.body.len(), length, "{method}");
    }
    let client = edge.client().build().unwrap();
    let unexpected = client.get(edge.url("https", "/")).body(unsized_body(LARGE));
    assert_eq!(
        unexpected.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn it_says_when_the_certificate_expires() {
    let edge = Edge::encrypted("yes").await;
    let end = edge.certificate.cert.der();
    let (_, read) = x509_parser::parse_x509_certificate(end).unwrap();
    let expires = read.validity().not_after.timestamp();
    let line = format!("edge_certificate_expires_seconds {expires}\n");
    let metrics = edge.metrics().await;
    assert!(metrics.ends_with(&line), "{metrics}");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_named_in_the_log_of_a_task_that_does_not_start() {
    let other = certificate().signing_key.serialize_pem();
    let mut edge = Edge::start(certificate(), Some((&other, "yes"))).await;
    assert!(!edge.ended().await.success());
    let log = edge.log();
    assert!(
        log.contains("edge_key") && log.contains("mismatch"),
        "{log}"
    );
}
