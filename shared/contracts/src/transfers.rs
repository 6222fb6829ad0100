//! Imports and exports of training data: files that are too large for one request, as jobs.

use crate::error::FieldError;
use crate::jobs::Payload;
use crate::training_data::Hint;
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// How far an import or export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferStatus {
    /// Waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// Is done.
    Succeeded,
    /// Has ended without effect; `error` says why.
    Failed,
    /// Its job was cancelled before it had an effect.
    Cancelled,
}

impl TransferStatus {
    /// The status as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// A format of training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataFormat {
    /// The contract's own JSON.
    Json,
    /// Rasa 3 NLU YAML.
    Yaml,
    /// A table of texts and intents.
    Csv,
}

impl DataFormat {
    /// The format as it is stored and written; also how names of files end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
        }
    }
}

/// What becomes of the data that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// The file takes its place, if nobody has changed it since the upload.
    #[default]
    Replace,
    /// What is new in the file is added to it, whatever it is by then.
    Merge,
}

impl ImportMode {
    /// The mode as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// What an import has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ImportCounts {
    /// Intents of the training data with it.
    pub intents: usize,
    /// Utterances of the training data with it.
    pub examples: usize,
    /// Utterances of the file that were added.
    pub added: usize,
    /// Utterances that stood there before and do not any more; 0 for a merge.
    pub replaced: usize,
    /// Utterances of the file that stood there already with the same intent and entities; 0 for a replacement.
    pub skipped: usize,
    /// Added utterances that stand there with another intent, too; `hints` names the first of them.
    pub contradictions: usize,
}

/// An import of training data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TrainingDataImport {
    /// The import's id, and that of its job.
    pub id: Uuid,
    /// The assistant.
    pub assistant_id: Uuid,
    /// What becomes of the data that was there.
    pub mode: ImportMode,
    /// The format of the file.
    pub format: DataFormat,
    /// The size of the file, in bytes.
    pub bytes: i64,
    /// How far it is.
    pub status: TransferStatus,
    /// The revision of the training data that it has made; null until it has succeeded.
    pub version: Option<i32>,
    /// What it has come to; null until it has succeeded.
    pub counts: Option<ImportCounts>,
    /// What may be worth a look in the data.
    pub hints: Vec<Hint>,
    /// Why it has failed or was cancelled; null otherwise.
    pub error: Option<String>,
    /// What is wrong with the file, the first 50 places by line and column.
    pub errors: Vec<FieldError>,
    /// When it was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// Input of `create_export`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateExport {
    /// The format of the file.
    #[garde(skip)]
    pub format: DataFormat,
}

/// An export of training data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TrainingDataExport {
    /// The export's id, and that of its job.
    pub id: Uuid,
    /// The assistant.
    pub assistant_id: Uuid,
    /// The format of the file.
    pub format: DataFormat,
    /// The revision of the training data: the latest one when the export was asked for.
    pub version: i32,
    /// How far it is.
    pub status: TransferStatus,
    /// The size of the file, in bytes; null until it is there.
    pub bytes: Option<i64>,
    /// Why it has failed or was cancelled; null otherwise.
    pub error: Option<String>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Until when it can be had; null until it has ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// Payload: take a file in, which `api` keeps. The job has the id of the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ImportTrainingData {
    /// The import.
    pub import_id: Uuid,
    /// The assistant that it is for.
    pub assistant_id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
}

impl Payload for ImportTrainingData {
    const KIND: &'static str = "import";
    const QUEUE: &'static str = "imports";
    // As with `train`: half an hour of `api` being away is bridged.
    const MAX_ATTEMPTS: u16 = 16;
    // `api` works on one file at a time, for some seconds each: this is a long line of them.
    const TIME_LIMIT: Duration = Duration::from_mins(15);
}

/// Payload: write a file, which `api` keeps. The job has the id of the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ExportTrainingData {
    /// The export.
    pub export_id: Uuid,
    /// The assistant that it is of.
    pub assistant_id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
}

impl Payload for ExportTrainingData {
    const KIND: &'static str = "export";
    // Of its own: who wants a file does not wait for those who bring some.
    const QUEUE: &'static str = "exports";
    const MAX_ATTEMPTS: u16 = 16;
    const TIME_LIMIT: Duration = Duration::from_mins(15);
}

/// Internal: how far an import or export is. `api` answers with it when `worker` has it go on, and `worker` reports an end
/// without effect with it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct TransferState {
    /// How far it is.
    pub status: TransferStatus,
    /// Why it has ended without effect.
    #[serde(default)]
    pub error: Option<String>,
}
