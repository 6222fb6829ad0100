//! The form in which releases and outcomes are kept: compressed JSON as the content of a Swarm config, and labels
//! that say of it what a listing shows. Swarm lets nobody change a content, but anybody change a label: a reader
//! compares the labels with the content, and so sees tampering.

use anyhow::{Context as _, bail, ensure};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::Read as _;
use time::format_description::well_known::Rfc3339;

use super::{Kind, Outcome, Release, SCHEMA};

pub(super) const KIND: &str = "dev.stoa.kind";
pub(super) const NUMBER: &str = "dev.stoa.number";
pub(super) const VERSION: &str = "dev.stoa.version";
pub(super) const AT: &str = "dev.stoa.at";
pub(super) const BY: &str = "dev.stoa.by";
pub(super) const WHAT: &str = "dev.stoa.what";
pub(super) const RESULT: &str = "dev.stoa.result";
pub(super) const SECONDS: &str = "dev.stoa.seconds";
const SHA256: &str = "dev.stoa.sha256";

/// `dev.stoa.kind` of an attempt, and the word in the config's name.
pub(super) const RELEASE: &str = "release";
/// `dev.stoa.kind` of its end, and the word in the config's name.
pub(super) const OUTCOME: &str = "result";

/// What Swarm takes as the content of one config.
const LARGEST: usize = 1_024_000;
/// What a record may hold uncompressed: sixty times the largest platform that was measured.
const LARGEST_OPEN: u64 = 64 << 20;

pub(super) type Labels = HashMap<String, String>;

/// A record as the cluster keeps it.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) labels: Labels,
    pub(super) content: Vec<u8>,
}

/// An outcome with the number that it belongs to, so that nobody can pass it off as that of another.
#[derive(Serialize, Deserialize)]
struct Numbered {
    number: u64,
    #[serde(flatten)]
    outcome: Outcome,
}

/// The part of every record that every version of this CLI can read.
#[derive(Deserialize)]
struct Form {
    schema: u32,
}

pub(super) fn seal_release(release: &Release) -> anyhow::Result<Sealed> {
    let content = compress(release)?;
    Ok(Sealed {
        labels: with_sum(release_labels(release)?, &content),
        content,
    })
}

pub(super) fn seal_outcome(number: u64, outcome: &Outcome) -> anyhow::Result<Sealed> {
    let content = compress(&Numbered {
        number,
        outcome: outcome.clone(),
    })?;
    Ok(Sealed {
        labels: with_sum(outcome_labels(number, outcome), &content),
        content,
    })
}

/// Reads the record of the release `number`.
pub(super) fn open_release(number: u64, sealed: &Sealed) -> anyhow::Result<Release> {
    let release: Release = open(sealed)?;
    ensure!(
        release.number == number,
        "this is the record of release {}: somebody put it in the place of another",
        release.number
    );
    compare(sealed, &release_labels(&release)?)?;
    Ok(release)
}

/// Reads how the release `number` ended.
pub(super) fn open_outcome(number: u64, sealed: &Sealed) -> anyhow::Result<Outcome> {
    let numbered: Numbered = open(sealed)?;
    ensure!(
        numbered.number == number,
        "this is the result of release {}: somebody put it in the place of another",
        numbered.number
    );
    compare(sealed, &outcome_labels(number, &numbered.outcome))?;
    Ok(numbered.outcome)
}

/// `deploy` or `rollback to 7`.
pub(super) fn what(kind: Kind) -> String {
    match kind {
        Kind::Deploy => "deploy".to_owned(),
        Kind::Rollback { to } => format!("rollback to {to}"),
    }
}

fn release_labels(release: &Release) -> anyhow::Result<Labels> {
    Ok(labels([
        (KIND, RELEASE.to_owned()),
        (NUMBER, release.number.to_string()),
        (VERSION, release.version.clone()),
        (AT, release.at.format(&Rfc3339)?),
        (BY, release.by.clone()),
        (WHAT, what(release.kind)),
    ]))
}

fn outcome_labels(number: u64, outcome: &Outcome) -> Labels {
    labels([
        (KIND, OUTCOME.to_owned()),
        (NUMBER, number.to_string()),
        (RESULT, outcome.result.name().to_owned()),
        (SECONDS, outcome.seconds.to_string()),
    ])
}

fn labels<const N: usize>(pairs: [(&str, String); N]) -> Labels {
    pairs.map(|(key, value)| (key.to_owned(), value)).into()
}

fn with_sum(mut labels: Labels, content: &[u8]) -> Labels {
    labels.insert(SHA256.to_owned(), sha256(content));
    labels
}

fn sha256(content: &[u8]) -> String {
    let sum = Sha256::digest(content);
    let digits: Vec<String> = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn compress(record: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let json = serde_json::to_vec(record)?;
    let mut content = Vec::new();
    GzEncoder::new(json.as_slice(), Compression::best()).read_to_end(&mut content)?;
    ensure!(
        content.len() < LARGEST,
        "the record has {} bytes, and a cluster keeps at most {LARGEST}",
        content.len()
    );
    Ok(content)
}

fn open<T: serde::de::DeserializeOwned>(sealed: &Sealed) -> anyhow::Result<T> {
    let sum = sha256(&sealed.content);
    match sealed.labels.get(SHA256) {
        Some(label) if *label == sum => {}
        Some(label) => {
            bail!("it was tampered with: its label says sha256 {label}, its content has {sum}")
        }
        None => bail!("it was tampered with: it has no label {SHA256}"),
    }
    let mut json = Vec::new();
    let read = GzDecoder::new(sealed.content.as_slice())
        .take(LARGEST_OPEN + 1)
        .read_to_end(&mut json);
    read.context("the content is not gzip")?;
    ensure!(
        json.len() as u64 <= LARGEST_OPEN,
        "the content is too large"
    );
    let form: Form = serde_json::from_slice(&json).context("the content is no record")?;
    ensure!(
        form.schema <= SCHEMA,
        "written by a newer stoa (form {}, and this one reads up to {SCHEMA}): update it",
        form.schema
    );
    serde_json::from_slice(&json).context("the content is no record")
}

fn compare(sealed: &Sealed, expected: &Labels) -> anyhow::Result<()> {
    for (key, value) in expected {
        let label = sealed.labels.get(key).map_or("", String::as_str);
        ensure!(
            label == value,
            "it was tampered with: its label {key} says `{label}`, its content `{value}`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{ResultKind, sample};
    use super::*;

    fn succeeded() -> Outcome {
        Outcome {
            schema: SCHEMA,
            result: ResultKind::Succeeded,
            cause: None,
            seconds: 42,
        }
    }

    #[test]
    fn what_was_sealed_is_read_back() {
        let release = sample(7, Kind::Rollback { to: 3 });
        let sealed = seal_release(&release).unwrap();
        assert_eq!(open_release(7, &sealed).unwrap(), release);
        assert_eq!(sealed.labels[WHAT], "rollback to 3");
        let sealed = seal_outcome(7, &succeeded()).unwrap();
        assert_eq!(open_outcome(7, &sealed).unwrap(), succeeded());
        assert_eq!(sealed.labels[RESULT], "succeeded");
    }

    #[test]
    fn another_content_is_noticed() {
        let mut sealed = seal_release(&sample(7, Kind::Deploy)).unwrap();
        sealed.content = seal_release(&sample(8, Kind::Deploy)).unwrap().content;
        let error = open_release(7, &sealed).unwrap_err().to_string();
        assert!(error.contains("tampered"), "{error}");
    }

    #[test]
    fn another_label_is_noticed() {
        let mut sealed = seal_release(&sample(7, Kind::Deploy)).unwrap();
        sealed.labels.insert(BY.to_owned(), "mallory".to_owned());
        let error = open_release(7, &sealed).unwrap_err().to_string();
        assert!(error.contains("mallory"), "{error}");
        sealed.labels.remove(SHA256);
        assert!(open_release(7, &sealed).is_err());
    }

    #[test]
    fn a_record_in_the_place_of_another_is_noticed() {
        let sealed = seal_release(&sample(7, Kind::Deploy)).unwrap();
        assert!(open_release(8, &sealed).is_err());
        let sealed = seal_outcome(7, &succeeded()).unwrap();
        assert!(open_outcome(8, &sealed).is_err());
    }

    #[test]
    fn a_record_of_a_newer_stoa_is_refused_whatever_else_it_says() {
        let content =
            compress(&serde_json::json!({ "schema": SCHEMA + 1, "shape": "other" })).unwrap();
        let labels = with_sum(Labels::new(), &content);
        let error = open_release(1, &Sealed { labels, content })
            .unwrap_err()
            .to_string();
        assert!(error.contains("written by a newer stoa"), "{error}");
    }
}
