//! What `worker` has to do with imports and exports: it has them go on, and says when one is over.

use axum::extract::State;
use http::StatusCode;
use stoa_contracts::{
    ErrorCode,
    transfers::{TransferState, TransferStatus},
};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{Json, Path, Problem, Trusted};
use uuid::Uuid;

use super::super::taken;
use super::trainings::readable;
use crate::{
    state::Api,
    stored,
    transfers::{Ending, advance},
};

/// Lets one go on, if it does not already, and says how far it is. Twice is the same as once.
pub(super) async fn run_transfer(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<TransferState>, Problem> {
    advance(&api, id).await.map(Json)
}

/// Takes down that one has ended without effect. One that has ended before stays as it is.
pub(super) async fn report_transfer(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Trusted(report): Trusted<TransferState>,
) -> Result<StatusCode, Problem> {
    if !matches!(
        report.status,
        TransferStatus::Failed | TransferStatus::Cancelled
    ) {
        let detail = "What is reported is `failed` or `cancelled`.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    require(&api, id).await?;
    let mut ending = Ending::failed(report.error.as_deref().map(readable).unwrap_or_default());
    ending.status = report.status;
    ending.end(&api, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn require(api: &Api, id: Uuid) -> Result<(), Problem> {
    let select = sqlx::query_scalar!("SELECT id FROM transfers WHERE id = $1", id);
    let found = traced("transfer.exists", select.fetch_optional(&api.pool)).await?;
    found
        .map(drop)
        .ok_or_else(|| Problem::not_found("import or export"))
}

/// Lets one that has ended without effect begin anew, if what it is about is still there. One that has not ended stays as
/// it is, so twice is the same as once.
pub(super) async fn reopen_transfer(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let select = sqlx::query!(
        r#"SELECT status, direction, errors <> '[]' AS is_wrong, CASE direction
               WHEN 'import' THEN EXISTS (SELECT FROM transfer_parts p WHERE p.transfer_id = t.id)
               ELSE EXISTS (SELECT FROM training_data d
                   WHERE d.assistant_id = t.assistant_id AND d.version = t.base_version)
           END AS "is_there!"
           FROM transfers t WHERE id = $1"#,
        id,
    );
    let found = traced("transfer.status", select.fetch_optional(&api.pool)).await?;
    let transfer = found.ok_or_else(|| Problem::not_found("import or export"))?;
    let status = stored::transfer_status(&transfer.status);
    let obstacle = if status == TransferStatus::Succeeded {
        "It has succeeded; start another one."
    } else if transfer.is_wrong == Some(true) {
        "The file of this import is wrong: mend it, and import it again."
    } else if !transfer.is_there && transfer.direction == "import" {
        "The file of this import is not kept any more; import it again."
    } else if !transfer.is_there {
        "This revision of the training data is not kept any more; start another export."
    } else {
        ""
    };
    if !obstacle.is_empty() {
        return Err(Problem::new(ErrorCode::Conflict, obstacle));
    }
    let update = sqlx::query!(
        "UPDATE transfers SET status = 'queued', error = NULL, errors = NULL, finished_at = NULL,
             claimed_until = NULL, starts = 0, updated_at = $2
         WHERE id = $1 AND status IN ('failed', 'cancelled')",
        id,
        api.clock.now(),
    );
    let updated = traced("transfer.reopen", update.execute(&api.pool)).await;
    updated.map_err(already_running)?;
    Ok(StatusCode::NO_CONTENT)
}

fn already_running(error: DatabaseError) -> Problem {
    taken(
        error,
        None,
        "Another one of this assistant has not ended; wait for its end.",
    )
}
