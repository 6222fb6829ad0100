//! Two upstreams that are killed and come back, one after the other, under load.

use crate::bench::Bench;
use crate::client::Load;
use crate::open::{self, Open};
use crate::proxies::Proxy;
use std::thread;
use std::time::{Duration, Instant};

/// Who is tried.
pub(crate) const PROXIES: [Proxy; 4] = [
    Proxy::Nginx,
    Proxy::NginxPatient,
    Proxy::Haproxy,
    Proxy::Ours,
];
const RATE: u32 = 2000;
const SPAN: Duration = Duration::from_secs(7);
/// When an upstream is killed or comes back.
const SCHEDULE: [(Duration, Event); 4] = [
    (Duration::from_millis(1500), Event::Kill(1)),
    (Duration::from_millis(2500), Event::Start(1)),
    (Duration::from_millis(3500), Event::Kill(0)),
    (Duration::from_millis(4500), Event::Start(0)),
];

#[derive(Clone, Copy)]
enum Event {
    Kill(usize),
    Start(usize),
}

/// What came of it, in the order of [`PROXIES`].
pub(crate) type Restarts = Vec<(Proxy, Open)>;

/// Tries one proxy after the other.
pub(crate) fn measure(bench: &mut Bench) -> anyhow::Result<Restarts> {
    let one = |proxy: &Proxy| Ok((*proxy, trial(bench, *proxy)?));
    PROXIES.iter().map(one).collect()
}

fn trial(bench: &mut Bench, proxy: Proxy) -> anyhow::Result<Open> {
    let address = bench.running(proxy)?.address;
    let requests = crate::tokens::requests(&[]);
    // The upstreams end with the thread that starts them: that must be this one.
    thread::scope(|scope| {
        let start = Instant::now();
        let requests = &requests;
        let client = scope.spawn(move || open::run(&Load { address, requests }, RATE, SPAN));
        for (at, event) in SCHEDULE {
            thread::sleep((start + at).saturating_duration_since(Instant::now()));
            match event {
                Event::Kill(index) => bench.kill_upstream(index),
                Event::Start(index) => bench.start_upstream(index)?,
            }
        }
        let open = client.join();
        open.unwrap_or_else(|_| anyhow::bail!("the client panicked"))
    })
}
