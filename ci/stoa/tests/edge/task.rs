//! A task of the edge: nginx of this machine with the files of `stacks/edge`, before a stand-in for the gateway.

use rcgen::{CertifiedKey, KeyPair};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::future::ready;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use stoa_testing::eventually;
use tempfile::TempDir;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers};

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// The name that clients know, and that the certificate is for.
pub(crate) const NAME: &str = "stoa.test";
/// The files of the stack, and where its tasks have them.
const FILES: [(&str, &str); 4] = [
    ("nginx.conf", "nginx.conf"),
    ("edge.conf", "conf.d/default.conf"),
    ("https.conf", "https.conf"),
    ("serve", "serve"),
];

/// Where nginx listens in place of the ports in the files.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    address: IpAddr,
    plain: u16,
    pub(crate) encrypted: u16,
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
pub(crate) struct Edge {
    folder: TempDir,
    pub(crate) ports: Ports,
    pub(crate) gateway: MockServer,
    pub(crate) certificate: CertifiedKey<KeyPair>,
    serve: Child,
}

impl Edge {
    /// With a certificate, as a cluster has it that says `https`; `redirects` is what becomes of requests without TLS.
    pub(crate) async fn encrypted(redirects: &str) -> Self {
        let own = certificate();
        let key = own.signing_key.serialize_pem();
        Self::start(own, Some((&key, redirects)))
            .await
            .listening()
            .await
    }

    pub(crate) async fn start(
        certificate: CertifiedKey<KeyPair>,
        https: Option<(&str, &str)>,
    ) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
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

    pub(crate) async fn listening(mut self) -> Self {
        let (log, id) = (self.path("log"), self.path("tmp/nginx.pid"));
        // It writes that when all its ports are open.
        let listens = || {
            let ended = self.serve.try_wait().unwrap();
            assert_eq!(ended, None, "{}", fs::read_to_string(&log).unwrap());
            let written = fs::read_to_string(&id).unwrap_or_default();
            ready(written.ends_with('\n').then_some(()))
        };
        eventually(DEADLINE, listens).await;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Where it speaks HTTPS.
    pub(crate) fn encrypted_at(&self) -> SocketAddr {
        SocketAddr::new(self.ports.address, self.ports.encrypted)
    }

    pub(crate) fn root(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_der(self.certificate.cert.der()).unwrap()
    }

    /// A client that trusts this edge alone.
    pub(crate) fn client(&self) -> ClientBuilder {
        let builder = Client::builder().no_proxy().tls_certs_only([self.root()]);
        builder
            .resolve(NAME, SocketAddr::new(self.ports.address, 0))
            .redirect(Policy::none())
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        let port = if scheme == "https" {
            self.ports.encrypted
        } else {
            self.ports.plain
        };
        format!("{scheme}://{NAME}:{port}{path}")
    }

    pub(crate) async fn get(&self, client: ClientBuilder, scheme: &str) -> Response {
        let url = self.url(scheme, "/x?y=1");
        client.build().unwrap().get(url).send().await.unwrap()
    }

    /// The last request that the gateway has got.
    pub(crate) async fn arrived(&self) -> Request {
        self.gateway
            .received_requests()
            .await
            .unwrap()
            .pop()
            .unwrap()
    }

    pub(crate) async fn metrics(&self) -> String {
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
    pub(crate) async fn tell_to_end(&self) {
        signal(self.serve.id(), Signal::TERM);
        let ending = self.path("tmp/ending");
        eventually(DEADLINE, async || ending.exists().then_some(())).await;
    }

    /// Ends nginx, which then has no port any more.
    pub(crate) async fn end_nginx(&self) {
        let id = self.path("tmp/nginx.pid");
        let nginx = fs::read_to_string(&id).unwrap();
        signal(nginx.trim().parse().unwrap(), Signal::TERM);
        eventually(DEADLINE, async || (!id.exists()).then_some(())).await;
    }

    /// Lets the time pass that connections are kept for, and returns the exit code of the task.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        fs::write(self.path("tmp/passed"), "").unwrap();
        self.ended().await.code()
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
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

pub(crate) fn certificate() -> CertifiedKey<KeyPair> {
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
