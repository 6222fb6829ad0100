//! The work of an import: the file becomes the latest revision, or a part of it, or is refused.

use std::sync::Arc;

use stoa_contracts::{
    Coded as _,
    training_data::{Hint, HintKind, TrainingData},
    transfers::{ImportCounts, ImportMode},
};
use stoa_postgres::{DatabaseError, begin, traced};

use super::{Ending, Transfer, WorkError, parts};
use crate::{
    document::Size,
    revisions::{self, NewRevision},
    state::Api,
    training_data::{Merged, Reading, excess, merge, read},
};

/// How often a merge is done anew because somebody has changed the data meanwhile.
const REBASES: usize = 5;

/// What is to become the latest revision.
struct Outcome {
    data: TrainingData,
    /// The revision that it was made of.
    after: i32,
    counts: ImportCounts,
    hints: Vec<Hint>,
}

pub(super) async fn run(api: &Api, transfer: &Transfer, mode: ImportMode) -> Result<(), WorkError> {
    let file = parts::whole(&api.pool, transfer.id, transfer.bytes).await?;
    let format = transfer.format.into();
    let read = move || read(&file, format, Size::Job);
    let reading = match api.on_document(read).await? {
        Ok(reading) => reading,
        Err(error) => {
            let problem = error.problem();
            let mut ending = Ending::failed(problem.detail);
            ending.errors = problem.errors;
            return Ok(conclude(api, transfer, &ending).await?);
        }
    };
    match mode {
        ImportMode::Replace => replace(api, transfer, reading).await,
        ImportMode::Merge => add(api, transfer, reading).await,
    }
}

/// The file takes the place of the revision that was the latest when it was uploaded. What somebody has changed since is not
/// overwritten unseen.
async fn replace(api: &Api, transfer: &Transfer, reading: Reading) -> Result<(), WorkError> {
    let Reading {
        data,
        hints,
        contradictions,
    } = reading;
    let (data, excess) = api.on_document(move || checked(data)).await?;
    if let Some(excess) = excess {
        return Ok(conclude(api, transfer, &Ending::failed(excess)).await?);
    }
    let select = sqlx::query_scalar!(
        "SELECT examples FROM training_data WHERE assistant_id = $1 AND version = $2",
        transfer.assistant,
        transfer.base_version,
    );
    let replaced = traced("training_data.count", select.fetch_optional(&api.pool)).await?;
    let counts = ImportCounts {
        intents: revisions::intents(&data).len(),
        examples: data.examples.len(),
        added: data.examples.len(),
        replaced: replaced.map_or(0, |count| usize::try_from(count).unwrap_or(0)),
        skipped: 0,
        contradictions,
    };
    let outcome = Outcome {
        data,
        after: transfer.base_version,
        counts,
        hints,
    };
    if !commit(api, transfer, outcome).await? {
        let why = "The training data was changed after this file was uploaded, and stays as it is. Look at it, and import \
                   the file again.";
        conclude(api, transfer, &Ending::failed(why)).await?;
    }
    Ok(())
}

/// What is new in the file is added to the latest revision, whichever that is by then.
async fn add(api: &Api, transfer: &Transfer, reading: Reading) -> Result<(), WorkError> {
    let more = Arc::new(reading.data);
    let ignored = reading.hints.into_iter();
    let ignored = ignored.filter(|hint| hint.kind == HintKind::Ignored);
    let ignored: Vec<Hint> = ignored.collect();
    for _ in 0..REBASES {
        let latest = revisions::latest(&api.pool, transfer.assistant).await?;
        let (version, data) = latest.unwrap_or_default();
        let more = Arc::clone(&more);
        let work = move || {
            let mut merged = merge(data, &more);
            let excess;
            (merged.data, excess) = checked(merged.data);
            (merged, excess)
        };
        let (merged, excess) = api.on_document(work).await?;
        if let Some(excess) = excess {
            return Ok(conclude(api, transfer, &Ending::failed(excess)).await?);
        }
        let Merged { data, hints, .. } = merged;
        let counts = ImportCounts {
            intents: revisions::intents(&data).len(),
            examples: data.examples.len(),
            added: merged.added,
            replaced: 0,
            skipped: merged.skipped,
            contradictions: merged.contradictions,
        };
        if !merged.is_new && version > 0 {
            let mut ending = Ending::succeeded();
            ending.version = Some(version);
            ending.counts = Some(counts);
            ending.hints = ignored;
            return Ok(conclude(api, transfer, &ending).await?);
        }
        let outcome = Outcome {
            data,
            after: version,
            counts,
            hints: ignored.iter().cloned().chain(hints).collect(),
        };
        if commit(api, transfer, outcome).await? {
            return Ok(());
        }
    }
    Err(WorkError::Overtaken)
}

/// The data, and why it is too much if it is.
fn checked(data: TrainingData) -> (TrainingData, Option<String>) {
    let why = excess(&data);
    let why = why.map(|why| format!("With this file there would be too much: {why}."));
    (data, why)
}

/// Makes it the latest revision and the import a success, both or neither; false if another revision has become the
/// latest. An import that has ended meanwhile, by another copy of its job or because it was cancelled, changes nothing.
async fn commit(api: &Api, transfer: &Transfer, outcome: Outcome) -> Result<bool, DatabaseError> {
    let now = api.clock.now();
    let new = NewRevision {
        account: transfer.account,
        assistant: transfer.assistant,
        by: transfer.by,
        data: &outcome.data,
        after: Some(outcome.after),
    };
    let mut transaction = begin(&api.pool).await?;
    let Some(revision) = new.insert(&mut transaction, now).await? else {
        return Ok(false);
    };
    let mut ending = Ending::succeeded();
    ending.version = Some(revision.version);
    ending.counts = Some(outcome.counts);
    ending.hints = outcome.hints;
    if ending.write(&mut transaction, transfer.id, now).await? {
        parts::forget(&mut *transaction, transfer.id).await?;
        traced("transaction.commit", transaction.commit()).await?;
        api.outbox.notify_one();
    }
    Ok(true)
}

/// Ends the import for good and leaves the data as it is: its file is not looked at again.
async fn conclude(api: &Api, transfer: &Transfer, ending: &Ending) -> Result<(), DatabaseError> {
    let mut transaction = begin(&api.pool).await?;
    let now = api.clock.now();
    if ending.write(&mut transaction, transfer.id, now).await? {
        parts::forget(&mut *transaction, transfer.id).await?;
    }
    traced("transaction.commit", transaction.commit()).await?;
    api.outbox.notify_one();
    Ok(())
}
