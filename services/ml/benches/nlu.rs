//! `make bench AREA=nlu`: accuracy, speed and size on public data sets, beside what was published
//! and scikit-learn.
//!
//! One default configuration, the official splits, no tuning per data set. An utterance in scope
//! that is rejected counts as wrong.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and confidences are small, and are printed with two digits"
)]

#[path = "../tests/support/datasets.rs"]
mod datasets;

use datasets::Dataset;
use jiff::Zoned;
use ml::engine::{Model, Options, Progress, train};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use stoa_contracts::parse::ParseResult;

/// CLINC150, full set, with a threshold on the confidence ("oos-threshold"): Larson et al., "An
/// Evaluation Dataset for Intent Classification and Out-of-Scope Prediction", 2019.
const PUBLISHED: [(&str, f64, f64); 7] = [
    ("fastText", 88.6, 28.3),
    ("SVM", 88.2, 18.0),
    ("CNN", 90.9, 30.9),
    ("DialogFlow", 90.8, 26.7),
    ("Rasa", 90.9, 31.2),
    ("MLP on sentence embeddings", 93.4, 49.1),
    ("BERT", 96.2, 52.3),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = match datasets::folder() {
        Ok(folder) => folder,
        Err(message) => {
            println!("skipped: {message}");
            return Ok(());
        }
    };
    println!(
        "| data set | system | in scope % | out of scope % | ECE % | train s (CPU s) | parse us p50 / p99 | model MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for dataset in [datasets::clinc150(&folder)?, datasets::banking77(&folder)?] {
        measure(&dataset)?;
    }
    for (system, inside, outside) in PUBLISHED {
        println!("| CLINC150 | {system}, published | {inside} | {outside} | - | - | - | - |");
    }
    peer(&folder);
    Ok(())
}

fn measure(dataset: &Dataset) -> Result<(), Box<dyn Error>> {
    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    let trained = train(&dataset.train, &Options::default(), &Progress::new())?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let artefact = trained.model.to_artefact();
    let model = Model::from_artefact(&artefact)?;
    let now = Zoned::default();
    let mut nanos = Vec::new();
    let answers: Vec<ParseResult> = dataset
        .test
        .iter()
        .map(|(text, _)| {
            let started = Instant::now();
            let answer = model.parse(text, 1, &now);
            nanos.push(started.elapsed().as_nanos());
            answer
        })
        .collect();
    nanos.sort_unstable();
    let percentile = |part: usize| nanos[(nanos.len() - 1) * part / 100] as f64 / 1e3;
    println!(
        "| {} | stoa | {} | {} | {:.2} | {seconds:.2} ({cpu:.2}) | {:.1} / {:.1} | {:.1} |",
        dataset.name,
        share(dataset, &answers, true),
        share(dataset, &answers, false),
        calibration_error(dataset, &answers),
        percentile(50),
        percentile(99),
        artefact.len() as f64 / 1e6,
    );
    Ok(())
}

/// Per cent of the utterances in (or out of) scope that were answered right; a dash of none.
fn share(dataset: &Dataset, answers: &[ParseResult], in_scope: bool) -> String {
    let all = dataset.test.iter().zip(answers);
    let asked = all.filter(|((_, truth), _)| truth.is_some() == in_scope);
    let right = asked
        .clone()
        .filter(|((_, truth), answer)| answer.intent.name == *truth)
        .count();
    match asked.count() {
        0 => "-".into(),
        count => format!("{:.2}", 100.0 * right as f64 / count as f64),
    }
}

/// By how many per cent confidence and share of right answers differ, over ten bins of
/// in-scope utterances, out-of-scope answers left out.
fn calibration_error(dataset: &Dataset, answers: &[ParseResult]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    let mut all = 0.0;
    for ((_, truth), answer) in dataset.test.iter().zip(answers) {
        let (Some(truth), Some(top)) = (truth, answer.intent_ranking.first()) else {
            continue;
        };
        let bin = &mut bins[((top.confidence * 10.0) as usize).min(9)];
        bin.0 += top.confidence;
        bin.1 += f64::from(u8::from(top.name == *truth));
        all += 1.0;
    }
    bins.iter()
        .map(|(confidence, right)| (confidence - right).abs())
        .sum::<f64>()
        * 100.0
        / all
}

/// User and system time of this process; Linux counts it in hundredths of a second.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = fields[12].parse::<f64>()? + fields[13].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// scikit-learn in the same run, where Python has it (`PYTHON` names another interpreter).
fn peer(folder: &Path) {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/nlu_peer.py");
    let status = Command::new(&python).arg(script).arg(folder).status();
    match status {
        Ok(status) if status.success() => {}
        _ => println!("no peer: {python} could not run scikit-learn (pip install scikit-learn)"),
    }
}
