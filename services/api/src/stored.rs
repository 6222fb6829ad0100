//! Words as the database stores them, back as types. The tables' CHECKs allow no others.

use stoa_contracts::{identity::Role, trainings::TrainingStatus, webhooks::DeliveryStatus};

/// A role; what is no role may least.
pub(crate) fn role(text: &str) -> Role {
    match text {
        "owner" => Role::Owner,
        "editor" => Role::Editor,
        _ => Role::Viewer,
    }
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
