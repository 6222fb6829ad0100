//! Answers what an utterance means.

use crate::models::{LoadError, Models};
use axum::extract::State;
use stoa_contracts::parse::{ParseResult, ParseWithModel};
use stoa_service::{Json, Problem};

/// Longer utterances, in bytes, are understood on a thread that may block: 1,000 take about
/// 100 microseconds, and nobody else should wait longer than that.
const LONG: usize = 1_000;

/// `POST /internal/v1/parse`: what an utterance means to one version of an assistant's model.
pub(crate) async fn parse(
    State(models): State<Models>,
    Json(input): Json<ParseWithModel>,
) -> Result<Json<ParseResult>, Problem> {
    let version = input.model_version;
    let model = models.get(input.assistant_id, version).await?;
    let span = tracing::info_span!("model.parse", model.version = version);
    let is_long = input.text.len() > LONG;
    let understand = move || span.in_scope(|| model.parse(&input.text, version));
    let result = if is_long {
        tokio::task::spawn_blocking(understand)
            .await
            .map_err(LoadError::Broken)?
    } else {
        understand()
    };
    Ok(Json(result))
}
