//! What our queue wants to reach, as ratios within one run.

use crate::report::{Results, fraction};
use crate::system::System::{
    self, Apalis, BullMq, Celery, Ours, OursOnce, OursRabbit, OursRecorded, Raw,
};
use crate::throughput::Throughput;

/// A ratio with its bar.
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) bar: &'static str,
    /// Ours divided by what it is compared with; `None` where one was not measured.
    ratio: Option<f64>,
    most: f64,
}

impl Goal {
    fn new(
        what: &'static str,
        bar: &'static str,
        most: f64,
        ours: Option<f64>,
        other: Option<f64>,
    ) -> Self {
        Self {
            what,
            bar,
            ratio: ours.zip(other).map(|(ours, other)| ours / other),
            most,
        }
    }

    pub(crate) fn reached(&self) -> String {
        self.ratio.map_or("-".into(), fraction)
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match self.ratio {
            None => "not measured",
            Some(ratio) if ratio <= self.most => "met",
            Some(_) => "missed",
        }
    }
}

/// Every goal, in the order of the table.
pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let all = cpu(results).into_iter().chain(latency(results));
    all.chain(memory(results)).collect()
}

fn cpu(results: &Results) -> [Goal; 7] {
    let cpu = |system: System| results.cost(system).map(Throughput::cpu);
    let ours = |what, bar, most, other| Goal::new(what, bar, most, cpu(Ours), cpu(other));
    let rabbit = "CPU of a job over RabbitMQ, Celery on Redis";
    let recorded = "CPU of a job with the record, Celery without";
    let once = "CPU of a job with the record and an effect, Celery without";
    let twentieth = |what, ours| Goal::new(what, "1/20", 1.0 / 20.0, cpu(ours), cpu(Celery));
    [
        ours("CPU of a job, Celery", "1/100", 1.0 / 100.0, Celery),
        ours("CPU of a job, BullMQ", "1/10", 1.0 / 10.0, BullMq),
        ours("CPU of a job, apalis", "1/3", 1.0 / 3.0, Apalis),
        ours("CPU of a job, bare client", "3 x", 3.0, Raw),
        twentieth(rabbit, OursRabbit),
        twentieth(recorded, OursRecorded),
        twentieth(once, OursOnce),
    ]
}

fn latency(results: &Results) -> [Goal; 4] {
    let p50 = |system: System| Some(results.latency(system)?.p50.as_secs_f64());
    let p99 = |system: System| Some(results.latency(system)?.p99.as_secs_f64());
    let half = |what, other| Goal::new(what, "1/5", 1.0 / 5.0, p50(Ours), p50(other));
    let most = |what, other| Goal::new(what, "1/3", 1.0 / 3.0, p99(Ours), p99(other));
    [
        half("latency p50, Celery", Celery),
        half("latency p50, BullMQ", BullMq),
        most("latency p99, Celery", Celery),
        most("latency p99, BullMQ", BullMq),
    ]
}

fn memory(results: &Results) -> [Goal; 2] {
    let kilobytes = |system: System| {
        let bytes = results.cost(system)?.resident;
        u32::try_from(bytes >> 10).ok().map(f64::from)
    };
    let ours =
        |what, bar, most, other| Goal::new(what, bar, most, kilobytes(Ours), kilobytes(other));
    [
        ours("memory of a worker, Celery", "1/8", 1.0 / 8.0, Celery),
        ours("memory of a worker, BullMQ", "1/6", 1.0 / 6.0, BullMq),
    ]
}
