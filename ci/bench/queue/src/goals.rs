//! What our queue wants to reach, as ratios within one run.

use crate::report::{Results, fraction};
use crate::system::System::{self, Apalis, BullMq, Celery, Ours, OursRabbit, Raw};
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
    let cpu = |system: System| results.cost(system).map(Throughput::cpu);
    let memory = |system: System| {
        // Megabytes need no more than 32 bits.
        let bytes = results.cost(system)?.resident;
        u32::try_from(bytes >> 10).ok().map(f64::from)
    };
    let p50 = |system: System| results.latency(system).map(|it| it.p50.as_secs_f64());
    let p99 = |system: System| results.latency(system).map(|it| it.p99.as_secs_f64());
    let ours = cpu(Ours);
    vec![
        Goal::new(
            "CPU of a job, Celery",
            "1/100",
            1.0 / 100.0,
            ours,
            cpu(Celery),
        ),
        Goal::new(
            "CPU of a job, BullMQ",
            "1/10",
            1.0 / 10.0,
            ours,
            cpu(BullMq),
        ),
        Goal::new("CPU of a job, apalis", "1/3", 1.0 / 3.0, ours, cpu(Apalis)),
        Goal::new("CPU of a job, bare client", "3 x", 3.0, ours, cpu(Raw)),
        Goal::new(
            "CPU of a job over RabbitMQ, Celery on Redis",
            "1/20",
            1.0 / 20.0,
            cpu(OursRabbit),
            cpu(Celery),
        ),
        Goal::new(
            "latency p50, Celery",
            "1/5",
            1.0 / 5.0,
            p50(Ours),
            p50(Celery),
        ),
        Goal::new(
            "latency p50, BullMQ",
            "1/5",
            1.0 / 5.0,
            p50(Ours),
            p50(BullMq),
        ),
        Goal::new(
            "latency p99, Celery",
            "1/3",
            1.0 / 3.0,
            p99(Ours),
            p99(Celery),
        ),
        Goal::new(
            "latency p99, BullMQ",
            "1/3",
            1.0 / 3.0,
            p99(Ours),
            p99(BullMq),
        ),
        Goal::new(
            "memory of a worker, Celery",
            "1/8",
            1.0 / 8.0,
            memory(Ours),
            memory(Celery),
        ),
        Goal::new(
            "memory of a worker, BullMQ",
            "1/6",
            1.0 / 6.0,
            memory(Ours),
            memory(BullMq),
        ),
    ]
}
