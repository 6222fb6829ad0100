//! `make bench AREA=nlu`: accuracy, speed and size on public data sets, beside what was published,
//! scikit-learn and fastText.
//!
//! One default configuration, the official splits, no tuning per data set. An utterance in scope
//! that is rejected counts as wrong.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(
    clippy::cast_precision_loss,
    reason = "sizes and times are small, and are printed with one digit"
)]

#[path = "../tests/support/datasets.rs"]
mod datasets;
#[path = "../tests/support/scores.rs"]
mod scores;

use datasets::Dataset;
use jiff::Zoned;
use ml::engine::{Encoder, Model, Options, Progress, train};
use scores::{calibration_error, share};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
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
    let encoder = encoder()?;
    for dataset in [datasets::clinc150(&folder)?, datasets::banking77(&folder)?] {
        measure(&dataset, "stoa", None)?;
        if let Some(encoder) = &encoder {
            measure(&dataset, "stoa with an encoder", Some(encoder))?;
        }
    }
    for (system, inside, outside) in PUBLISHED {
        println!("| CLINC150 | {system}, published | {inside} | {outside} | - | - | - | - |");
    }
    peers(&folder);
    Ok(())
}

/// The sentence encoder in the folder that `STOA_ENCODER` names.
fn encoder() -> Result<Option<Arc<Encoder>>, Box<dyn Error>> {
    let Some(folder) = std::env::var_os("STOA_ENCODER") else {
        println!("without an encoder: set STOA_ENCODER to a folder that has one");
        return Ok(None);
    };
    Ok(Some(Arc::new(Encoder::load(Path::new(&folder))?)))
}

fn measure(
    dataset: &Dataset,
    system: &str,
    encoder: Option<&Arc<Encoder>>,
) -> Result<(), Box<dyn Error>> {
    let options = Options {
        encoder: encoder.cloned(),
        ..Options::default()
    };
    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    let trained = train(&dataset.train, &options, &Progress::new())?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let artefact = trained.model.to_artefact();
    let model = Model::from_artefact(&artefact, encoder)?;
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
        "| {} | {system} | {} | {} | {:.2} | {seconds:.2} ({cpu:.2}) | {:.1} / {:.1} | {:.1} |",
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

/// scikit-learn and fastText in the same run, where Python has them (`PYTHON` names another interpreter).
fn peers(folder: &Path) {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/nlu_peer.py");
    let status = Command::new(&python).arg(script).arg(folder).status();
    match status {
        Ok(status) if status.success() => {}
        _ => println!(
            "no peers: {python} has not what `pip install scikit-learn fasttext-numpy2` brings"
        ),
    }
}
