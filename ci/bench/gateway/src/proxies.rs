//! The proxies: how each is configured and started.

use crate::bench::Surroundings;
use crate::process::{Process, Program, free_port, write};
use anyhow::Context as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

/// A proxy in one of its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    /// It asks an upstream whatever has happened before.
    NginxPatient,
    NginxFull,
    Haproxy,
    HaproxyFull,
    Ours,
    OursFull,
}

/// What it says where nothing bites; the most that our gateway takes.
const NO_LIMIT: &str = "1000000";

/// Everything goes to the one service.
const ROUTES: &str = r#"
openapi = false
[[route]]
path = "/api/{*rest}"
auth = "@AUTH@"
"#;

/// One that runs.
pub(crate) struct Running {
    pub(crate) proxy: Proxy,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

impl Proxy {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nginx,
        Self::NginxPatient,
        Self::NginxFull,
        Self::Haproxy,
        Self::HaproxyFull,
        Self::Ours,
        Self::OursFull,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx, plain",
            Self::NginxPatient => "nginx, `max_fails=0`",
            Self::NginxFull => "nginx, auth_request + limit_req + log",
            Self::Haproxy => "HAProxy, plain",
            Self::HaproxyFull => "HAProxy, jwt_verify + stick table + log",
            Self::Ours => "ours, plain",
            Self::OursFull => "ours, full work",
        }
    }

    /// Whether it does the full work.
    pub(crate) fn is_full(self) -> bool {
        matches!(self, Self::NginxFull | Self::HaproxyFull | Self::OursFull)
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(self, around: &Surroundings) -> anyhow::Result<Running> {
        let port = free_port(&["127.0.0.1"])?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let key = format!("{self:?}");
        let (words, environment) = match self {
            Self::Ours | Self::OursFull => {
                let words = vec![around.gateway.display().to_string()];
                (words, self.ours(&key, around, address)?)
            }
            _ => (self.peer(&key, around, port)?, Vec::new()),
        };
        let stdout = match self {
            // Where a write costs nothing: it writes every line by itself.
            Self::HaproxyFull => Stdio::null(),
            _ => File::create(around.folder.path().join(format!("{key}.log")))?.into(),
        };
        let program = Program {
            name: &key,
            core: around.cores.proxies,
            words,
            environment,
            stdout,
        };
        let process = Process::start(program, around.folder.path())?;
        Ok(Running {
            proxy: self,
            address,
            process: process.listens(address).context(self.name())?,
        })
    }

    /// The command line of nginx or `HAProxy` with its file.
    fn peer(self, key: &str, around: &Surroundings, port: u16) -> anyhow::Result<Vec<String>> {
        let (template, words) = match self {
            Self::NginxFull => (include_str!("../peers/nginx-full.conf"), ["nginx", "-c"]),
            Self::Haproxy => (include_str!("../peers/haproxy.cfg"), ["haproxy", "-f"]),
            Self::HaproxyFull => (include_str!("../peers/haproxy-full.cfg"), ["haproxy", "-f"]),
            _ => (include_str!("../peers/nginx.conf"), ["nginx", "-c"]),
        };
        let folder = around.folder.path().display().to_string();
        let patient = self == Self::NginxPatient;
        let values = [
            ("@FOLDER@", folder.clone()),
            ("@NAME@", key.to_owned()),
            ("@PORT@", port.to_string()),
            ("@ONE@", around.upstreams[0].to_string()),
            ("@OTHER@", around.upstreams[1].to_string()),
            ("@AUTH@", around.auth.to_string()),
            ("@SECRET@", around.tokens.secret.clone()),
            (
                "@MAX_FAILS@",
                if patient { " max_fails=0" } else { "" }.to_owned(),
            ),
        ];
        let text = values
            .iter()
            .fold(template.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            });
        let path = around.folder.path().join(format!("{key}.conf"));
        write(&path, &text)?;
        let mut words: Vec<_> = words.map(str::to_owned).into();
        words.push(path.display().to_string());
        Ok(words)
    }

    /// Our routes.
    fn routes(self, key: &str, around: &Surroundings) -> anyhow::Result<String> {
        let folder = around.folder.path().join(format!("{key}.routes"));
        std::fs::create_dir(&folder)?;
        let auth = if self.is_full() { "required" } else { "none" };
        write(&folder.join("bench.toml"), &ROUTES.replace("@AUTH@", auth))?;
        Ok(folder.display().to_string())
    }

    /// Our environment.
    fn ours(
        self,
        key: &str,
        around: &Surroundings,
        address: SocketAddr,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let url = format!("http://{}:{}", around.name, around.upstreams[0].port());
        let admin = free_port(&["127.0.0.1"])?;
        let mut environment = vec![
            ("LISTEN_ADDR", address.to_string()),
            ("ADMIN_ADDR", format!("127.0.0.1:{admin}")),
            ("GATEWAY_ROUTES", self.routes(key, around)?),
            ("BENCH_URL", url.clone()),
            ("API_URL", url),
            ("TOKEN_VERIFYING_KEY", around.tokens.verifying_key.clone()),
            ("INTERNAL_TOKEN", around.tokens.secret.clone()),
            ("RATE_LIMIT_PER_SECOND", NO_LIMIT.to_owned()),
            ("RATE_LIMIT_BURST", NO_LIMIT.to_owned()),
            ("RUNTIME_THREADS", "1".to_owned()),
            // As in Compose.
            ("MIMALLOC_ARENA_EAGER_COMMIT", "0".to_owned()),
        ];
        if self.is_full() {
            environment.push(("REDIS_URL", format!("redis://{}", around.redis)));
        } else {
            environment.push(("LOG", "warn".to_owned()));
        }
        environment.extend(around.more.iter().cloned());
        Ok(environment)
    }
}
