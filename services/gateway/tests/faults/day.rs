//! A day of traffic in less time, after which the process is as large as before.

use crate::load::{Load, Progress};
use crate::trial::number;
use crate::world::World;
use std::time::{Duration, Instant};

/// Minutes that a day takes, unless it is said.
const MINUTES: usize = 60;
/// Of every hour, its traffic as tenths of the peak.
const DAY: [u32; 24] = [
    3, 2, 1, 1, 1, 2, 4, 6, 8, 9, 10, 9, 7, 8, 10, 10, 9, 8, 6, 5, 5, 5, 4, 4,
];
/// Requests per second of a tenth of the peak.
const TENTH: u32 = 30;
/// Before this hour caches and pools fill up: the first peak is in them.
const WARM: usize = 11;
/// Samples of the memory per hour.
const SAMPLES: u32 = 10;
/// What the memory may grow by from then on, as the slope through all samples says: less than the steps in which an
/// allocator takes it.
const GROWTH: f64 = 6.0 * 1024.0 * 1024.0;

/// Lives through the day, and looks at the memory.
pub(crate) async fn run() {
    let minutes = number("STOA_FAULTS_MINUTES").unwrap_or(MINUTES).max(1);
    let hour = Duration::from_mins(u64::try_from(minutes).unwrap_or(1)) / 24;
    let world = World::start().await;
    let load = Load {
        http: world.http.clone(),
        url: world.url(),
        progress: Progress::default(),
    };
    let begun = Instant::now();
    let mut samples = Vec::new();
    for (of_day, tenths) in DAY.iter().enumerate() {
        let pace = Duration::from_secs(1) / (TENTH * tenths);
        let span = hour / SAMPLES;
        let count = usize::try_from(span.as_nanos() / pace.as_nanos()).unwrap_or(1);
        for _ in 0..SAMPLES {
            let tally = load.run(count.max(1), pace).await;
            assert_eq!(tally.failed(), 0, "at {of_day} o'clock: {tally:?}");
            if of_day >= WARM {
                samples.push((begun.elapsed().as_secs_f64(), resident()));
            }
        }
        println!(
            "{of_day} o'clock: {} requests, {:.1} MiB",
            load.progress.sent(),
            resident() / 1_048_576.0
        );
    }
    let growth = slope(&samples) * (samples[samples.len() - 1].0 - samples[0].0);
    println!(
        "the slope since {WARM} o'clock is {:.2} MiB",
        growth / 1_048_576.0
    );
    assert!(growth <= GROWTH, "the memory grows by {growth} bytes");
    world.stop().await;
}

/// Bytes that this process holds: gateway and load; the replicas are processes of their own.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.expect("a number") * 1024.0
}

/// Of the straight line that is nearest to all points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let mean = |value: fn(&(f64, f64)) -> f64| {
        let (sum, count) = points.iter().fold((0.0, 0.0), |(sum, count), point| {
            (sum + value(point), count + 1.0)
        });
        sum / count
    };
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        (
            over + (point.0 - x) * (point.1 - y),
            under + (point.0 - x) * (point.0 - x),
        )
    });
    over / under
}
