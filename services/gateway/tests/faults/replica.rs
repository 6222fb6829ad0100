//! One process of the service behind the gateway, and what is done to it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, put};
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;
use stoa_service::{App, Context, HttpSettings};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The variable with the address at which the process listens.
pub(crate) const ADDRESS: &str = "STOA_FAULTS_ADDRESS";
/// What every good answer says.
pub(crate) const ANSWER: &str = "as it should be";
/// A process says so when it listens, and where.
const LISTENS: &str = "listens at ";
/// Many times what an answer takes, and far from the limit of the route.
const SLOW: Duration = Duration::from_millis(300);
const FREE: &str = "127.0.0.1:0";

/// How it answers.
const WELL: u8 = 0;
const FAILING: u8 = 1;
const SLOWLY: u8 = 2;

/// A replica, as the trial has it.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    child: Child,
    http: reqwest::Client,
}

impl Replica {
    pub(crate) async fn start() -> Self {
        let (child, address) = spawn(FREE).await;
        // A connection that is kept would be one to a process that is no more.
        let http = reqwest::Client::builder().no_proxy();
        let http = http.pool_max_idle_per_host(0).build().expect("a client");
        Self {
            address,
            child,
            http,
        }
    }

    /// Ends it as a machine that is lost.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("a process can be killed");
    }

    /// Starts it where it was.
    pub(crate) async fn start_again(&mut self) {
        (self.child, _) = spawn(&self.address.to_string()).await;
    }

    /// Stops it in its tracks: the kernel still takes connections for it.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw).expect("the replica runs");
        kill_process(pid, signal).expect("the replica runs");
    }

    pub(crate) async fn answers_well(&self) {
        self.answers(WELL).await;
    }

    pub(crate) async fn fails(&self) {
        self.answers(FAILING).await;
    }

    pub(crate) async fn is_slow(&self) {
        self.answers(SLOWLY).await;
    }

    async fn answers(&self, mode: u8) {
        let url = format!("http://{}/mode/{mode}", self.address);
        let answer = self.http.put(url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// How many requests it has seen, and how many of them it has in hand.
    pub(crate) async fn seen(&self) -> (usize, usize) {
        let url = format!("http://{}/seen", self.address);
        let answer = self.http.get(url).send().await.expect("an answer");
        answer.json().await.expect("two numbers")
    }
}

async fn spawn(address: &str) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", "process", "--ignored", "--nocapture"])
        .env(ADDRESS, address)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("this program can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        if let Some((_, address)) = line.split_once(LISTENS) {
            let address = address.parse().expect("an address");
            // Its test harness ends it if it cannot say that it takes long.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, address);
        }
    }
    panic!("a replica does not start");
}

struct Seen {
    mode: AtomicU8,
    requests: AtomicUsize,
    in_hand: AtomicUsize,
}

/// Is a replica, until it is killed.
pub(crate) fn serve(address: &str) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let seen = Arc::new(Seen {
            mode: AtomicU8::new(WELL),
            requests: AtomicUsize::new(0),
            in_hand: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/api/v1/x", any(answer))
            .route("/mode/{mode}", put(set_mode))
            .route("/seen", get(tell))
            .with_state(seen);
        let settings = HttpSettings {
            listen: address.parse().expect("an address"),
            ..HttpSettings::loopback()
        };
        let running = App::new(router)
            .start(&settings, &Context::default().named("echo"))
            .await
            .expect("the port is free");
        println!("{LISTENS}{}", &running.url()["http://".len()..]);
        std::future::pending().await
    })
}

async fn answer(State(seen): State<Arc<Seen>>, _body: Bytes) -> Response {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let _in_hand = InHand::new(&seen);
    match seen.mode.load(Ordering::SeqCst) {
        FAILING => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        SLOWLY => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    ANSWER.into_response()
}

/// Until it is dropped, also by who does not wait for the answer.
struct InHand(Arc<Seen>);

impl InHand {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.in_hand.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(seen))
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn set_mode(State(seen): State<Arc<Seen>>, Path(mode): Path<u8>) {
    seen.mode.store(mode, Ordering::SeqCst);
}

async fn tell(State(seen): State<Arc<Seen>>) -> axum::Json<(usize, usize)> {
    axum::Json((
        seen.requests.load(Ordering::SeqCst),
        seen.in_hand.load(Ordering::SeqCst),
    ))
}
