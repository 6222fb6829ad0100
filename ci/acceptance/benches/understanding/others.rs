//! Data sets in the platform's own formats: folders that hold `train` and `test`, each as Rasa 3 NLU YAML, JSON or CSV.
//!
//! The files are given to the platform as they lie there; what is annotated in `test` tells how well entities are found.

use acceptance::{Platform, answer};
use anyhow::{Context as _, Result};
use reqwest::Method;
use std::path::{Path, PathBuf};
use stoa_contracts::evaluations::EvaluationResult;

const FORMATS: [(&str, &str); 4] = [
    ("yml", "application/yaml"),
    ("yaml", "application/yaml"),
    ("json", "application/json"),
    ("csv", "text/csv"),
];

/// A file, and how the platform is told what it is.
struct Document {
    media_type: &'static str,
    text: String,
}

/// Learns and assesses each of them.
pub(crate) async fn measure(platform: &Platform, folder: &Path) -> Result<()> {
    let mut sets = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let set = entry?.path();
        let files = (document(&set, "train")?, document(&set, "test")?);
        // The two that are known by name have columns of their own.
        if let (Some(train), Some(test)) = files
            && !set.ends_with("banking77")
        {
            sets.push((set, train, test));
        }
    }
    if sets.is_empty() {
        println!(
            "no other data sets: a folder in STOA_DATASETS with train and test as .yml, .json or .csv would be one"
        );
        return Ok(());
    }
    println!();
    println!(
        "| other data sets | in scope % | out of scope % | ECE % | slot F1 % | train s | model MB |"
    );
    println!("|---|---|---|---|---|---|---|");
    sets.sort_by(|a, b| a.0.cmp(&b.0));
    for (set, train, test) in sets {
        let row = assess(platform, train, test).await;
        let row = row.with_context(|| set.display().to_string())?;
        let name = set.file_name().unwrap_or_default().to_string_lossy();
        println!("| {name} | {row} |");
    }
    Ok(())
}

/// The file of that name, whatever its format; none where there is none.
fn document(set: &Path, name: &str) -> Result<Option<Document>> {
    let files =
        FORMATS.map(|(ending, media_type)| (set.join(name).with_extension(ending), media_type));
    let found = files.into_iter().find(|(file, _)| file.is_file());
    let read = |(file, media_type): (PathBuf, _)| {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(Document { media_type, text })
    };
    found.map(read).transpose()
}

async fn assess(platform: &Platform, train: Document, test: Document) -> Result<String> {
    let assistant = platform.create_assistant("Data set").await?;
    let path = format!("/api/v1/assistants/{assistant}");
    let place = format!("{path}/training-data");
    let put = platform.put(&place, train.media_type, train.text);
    put.await?.expect(200)?;
    let training = platform.train(&assistant).await?;
    let metrics = &training["metrics"];
    let number = |name: &str| metrics[name].as_f64().with_context(|| training.to_string());
    let (seconds, bytes) = (number("seconds")?, number("bytes")?);
    let asked = platform
        .request(Method::POST, &format!("{path}/evaluations"))
        .header("content-type", test.media_type)
        .body(test.text);
    let started = answer(asked).await?.expect(202)?;
    let id = started["id"].as_str().context("no id")?;
    let evaluation = platform
        .finished(&format!("/api/v1/evaluations/{id}"))
        .await?;
    let result = serde_json::from_value(evaluation["result"].clone());
    let result: EvaluationResult = result.with_context(|| evaluation.to_string())?;
    let slots = result.summary.entity_f1;
    let removed = platform.request(Method::DELETE, &path);
    answer(removed).await?.expect(204)?;
    Ok(format!(
        "{} | {} | {:.2} | {} | {seconds:.1} | {:.1}",
        recall(&result, true),
        recall(&result, false),
        100.0 * result.summary.calibration_error,
        slots.map_or_else(|| "-".into(), |f1| percent(f1, 1.0)),
        bytes / 1e6,
    ))
}

/// Per cent of the utterances in (or out of) scope that were answered right; a dash of none.
fn recall(result: &EvaluationResult, in_scope: bool) -> String {
    let asked = result.intents.iter();
    let asked = asked.filter(|score| score.intent.is_some() == in_scope);
    let (right, all) = asked.fold((0.0, 0.0), |(right, all), score| {
        let support = score.support as f64;
        (
            right + score.recall.unwrap_or_default() * support,
            all + support,
        )
    });
    percent(right, all)
}

fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 {
        format!("{:.2}", 100.0 * part / whole)
    } else {
        "-".into()
    }
}
