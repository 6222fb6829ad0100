//! What a run stands on: upstreams, Redis, the proxies.

use crate::client::Load;
use crate::cores::Cores;
use crate::entrant::{Credential, Entrant};
use crate::process::{Process, Program, free_port};
use crate::proxies::{Proxy, Running};
use crate::tokens::{Tokens, requests};
use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;

/// The upstreams' addresses. One name stands for both, with one port, as with tasks of a service.
const UPSTREAMS: [&str; 2] = ["127.0.0.2", "127.0.0.3"];

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// CPU of a request, and the rate.
    Cost,
    /// Latency at a fixed rate.
    Latency,
    /// Memory of idle connections.
    Idle,
    /// Upstreams that are restarted in turn.
    Restarts,
}

/// What is measured, and where things are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The parts.
    #[arg(
        long,
        env = "PARTS",
        value_delimiter = ',',
        default_value = "cost,latency,idle,restarts"
    )]
    pub(crate) parts: Vec<Part>,
    /// How often each proxy has its turn; the median counts.
    #[arg(long, env = "ROUNDS", default_value_t = 10)]
    pub(crate) rounds: usize,
    /// Milliseconds of a turn.
    #[arg(long, env = "SLICE", default_value_t = 1000)]
    pub(crate) slice: u64,
    /// Requests per second when latency is measured.
    #[arg(long, env = "RATE", default_value_t = 4000)]
    pub(crate) rate: u32,
    /// Idle connections whose memory is measured.
    #[arg(long, env = "IDLE", value_delimiter = ',', default_value = "1000,4000")]
    pub(crate) idle: Vec<usize>,
    /// The binary of our gateway.
    #[arg(long, env = "GATEWAY_BIN", default_value = "target/release/gateway")]
    gateway: PathBuf,
    /// A name that stands for 127.0.0.2 and 127.0.0.3.
    #[arg(long, env = "BENCH_UPSTREAMS", default_value = "bench-upstreams")]
    name: String,
    /// More environment of our gateway, such as `RUNTIME_THREADS=2`, with commas.
    #[arg(long, env = "GATEWAY_ENV", value_delimiter = ',')]
    gateway_env: Vec<String>,
}

/// What the proxies stand among.
pub(crate) struct Surroundings {
    pub(crate) cores: Cores,
    /// Configurations, logs, and what the processes say on stderr.
    pub(crate) folder: TempDir,
    pub(crate) tokens: Tokens,
    pub(crate) upstreams: [SocketAddr; 2],
    pub(crate) auth: SocketAddr,
    pub(crate) redis: SocketAddr,
    pub(crate) gateway: PathBuf,
    pub(crate) name: String,
    pub(crate) more: Vec<(&'static str, String)>,
}

/// A run.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) around: Surroundings,
    proxies: Vec<Running>,
    upstreams: [Option<Process>; 2],
    _others: [Process; 2],
    anonymous: Vec<Vec<u8>>,
    eddsa: Vec<Vec<u8>>,
    hs256: Vec<Vec<u8>>,
}

impl Bench {
    /// Starts everything.
    pub(crate) fn start(options: Options) -> anyhow::Result<Self> {
        let cores = Cores::share()?;
        raise_file_limit()?;
        let port = free_port(&UPSTREAMS)?;
        let at =
            |ip: &str, port| -> anyhow::Result<SocketAddr> { Ok(format!("{ip}:{port}").parse()?) };
        check_name(&options.name)?;
        let around = Surroundings {
            cores,
            folder: TempDir::new()?,
            tokens: Tokens::new()?,
            upstreams: [at(UPSTREAMS[0], port)?, at(UPSTREAMS[1], port)?],
            auth: at("127.0.0.1", free_port(&["127.0.0.1"])?)?,
            redis: at("127.0.0.1", free_port(&["127.0.0.1"])?)?,
            gateway: options.gateway.clone(),
            name: options.name.clone(),
            more: options
                .gateway_env
                .iter()
                .map(|pair| variable(pair))
                .collect::<Result<_, _>>()?,
        };
        let others = [around.start_auth()?, around.start_redis()?];
        let upstreams = [
            Some(around.start_upstream(0)?),
            Some(around.start_upstream(1)?),
        ];
        let proxies = Proxy::ALL.iter().map(|proxy| proxy.start(&around));
        let bench = Self {
            proxies: proxies.collect::<Result<_, _>>()?,
            upstreams,
            _others: others,
            anonymous: requests(&[]),
            eddsa: requests(&around.tokens.eddsa),
            hs256: requests(&around.tokens.hs256),
            around,
            options,
        };
        Ok(bench)
    }

    /// What is sent to an entrant.
    pub(crate) fn load(&self, entrant: Entrant) -> anyhow::Result<Load<'_>> {
        let address = match entrant.proxy() {
            Some(proxy) => self.running(proxy)?.address,
            None => self.around.upstreams[0],
        };
        let requests = match entrant.credential() {
            Credential::None => &self.anonymous,
            Credential::EdDsa => &self.eddsa,
            Credential::Hs256 => &self.hs256,
        };
        Ok(Load { address, requests })
    }

    pub(crate) fn running(&self, proxy: Proxy) -> anyhow::Result<&Running> {
        let mut all = self.proxies.iter();
        let running = all.find(|running| running.proxy == proxy);
        running.with_context(|| proxy.name())
    }

    /// Ends an upstream as a lost container.
    pub(crate) fn kill_upstream(&mut self, index: usize) {
        self.upstreams[index] = None;
    }

    pub(crate) fn start_upstream(&mut self, index: usize) -> anyhow::Result<()> {
        self.upstreams[index] = Some(self.around.start_upstream(index)?);
        Ok(())
    }
}

impl Surroundings {
    fn start_upstream(&self, index: usize) -> anyhow::Result<Process> {
        self.start_own(&format!("upstream-{index}"), self.upstreams[index], &[])
    }

    fn start_auth(&self) -> anyhow::Result<Process> {
        self.start_own("auth", self.auth, &["--empty"])
    }

    fn start_own(&self, name: &str, address: SocketAddr, more: &[&str]) -> anyhow::Result<Process> {
        let own = std::env::current_exe()?.display().to_string();
        let mut words = vec![own, "upstream".to_owned(), address.to_string()];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        self.start_other(name, words)?.listens(address)
    }

    fn start_redis(&self) -> anyhow::Result<Process> {
        let port = self.redis.port();
        let line = format!("redis-server --bind 127.0.0.1 --port {port} --appendonly no --save");
        let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        words.push(String::new());
        self.start_other("redis", words)?.listens(self.redis)
    }

    fn start_other(&self, name: &str, words: Vec<String>) -> anyhow::Result<Process> {
        let program = Program {
            name,
            core: self.cores.others,
            words,
            environment: Vec::new(),
            stdout: Stdio::null(),
        };
        Process::start(program, self.folder.path())
    }
}

/// The processes of the run inherit it.
fn raise_file_limit() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )?)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let known = (name, 0).to_socket_addrs().with_context(|| {
        format!(
            "`{name}` is to stand for {}; ci/bench/gateway/run sees to that",
            UPSTREAMS.join(" and ")
        )
    })?;
    let known: Vec<_> = known.map(|address| address.ip().to_string()).collect();
    let are_both = UPSTREAMS
        .iter()
        .all(|ip| known.iter().any(|known| known == ip));
    ensure!(are_both, "`{name}` stands for {known:?}");
    Ok(())
}

fn variable(pair: &str) -> anyhow::Result<(&'static str, String)> {
    match pair.split_once('=') {
        // Once per run.
        Some((name, value)) => Ok((name.to_owned().leak(), value.to_owned())),
        None => bail!("`{pair}` is no NAME=VALUE"),
    }
}
