//! Words as the database stores them, back as types. The tables' CHECKs allow no others.

use stoa_contracts::{
    identity::{Role, Scope},
    inbox::InboxStatus,
    trainings::TrainingStatus,
    transfers::{DataFormat, ImportMode, TransferStatus},
    webhooks::DeliveryStatus,
};

/// A role; what is no role may least.
pub(crate) fn role(text: &str) -> Role {
    match text {
        "owner" => Role::Owner,
        "editor" => Role::Editor,
        _ => Role::Viewer,
    }
}

/// The scopes of a key, each once and in their order; a word that is none is no scope.
pub(crate) fn scopes(words: &[String]) -> Vec<Scope> {
    let named = |scope: &Scope| words.iter().any(|word| word == scope.as_str());
    Scope::ALL.into_iter().filter(named).collect()
}

/// A training's status.
pub(crate) fn training_status(text: &str) -> TrainingStatus {
    match text {
        "queued" => TrainingStatus::Queued,
        "running" => TrainingStatus::Running,
        "succeeded" => TrainingStatus::Succeeded,
        _ => TrainingStatus::Failed,
    }
}

/// The status of a delivery.
pub(crate) fn delivery_status(text: &str) -> DeliveryStatus {
    match text {
        "pending" => DeliveryStatus::Pending,
        "succeeded" => DeliveryStatus::Succeeded,
        _ => DeliveryStatus::Failed,
    }
}

/// The status of an import or export.
pub(crate) fn transfer_status(text: &str) -> TransferStatus {
    match text {
        "queued" => TransferStatus::Queued,
        "running" => TransferStatus::Running,
        "succeeded" => TransferStatus::Succeeded,
        "cancelled" => TransferStatus::Cancelled,
        _ => TransferStatus::Failed,
    }
}

/// What becomes of the data that an import finds.
pub(crate) fn import_mode(text: &str) -> ImportMode {
    match text {
        "merge" => ImportMode::Merge,
        _ => ImportMode::Replace,
    }
}

/// A format of training data.
pub(crate) fn data_format(text: &str) -> DataFormat {
    match text {
        "yaml" => DataFormat::Yaml,
        "csv" => DataFormat::Csv,
        _ => DataFormat::Json,
    }
}

/// What became of an utterance in the inbox.
pub(crate) fn inbox_status(text: &str) -> InboxStatus {
    match text {
        "labelled" => InboxStatus::Labelled,
        "dismissed" => InboxStatus::Dismissed,
        _ => InboxStatus::Open,
    }
}
