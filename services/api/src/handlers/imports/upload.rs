//! A file as it comes in: it goes into the database part by part, and no more than a part of it is held.

use std::time::Duration;

use axum::extract::Request;
use sha2::{Digest as _, Sha256};
use stoa_contracts::ErrorCode;
use stoa_postgres::traced;
use stoa_service::{BodyPieces, Problem};
use uuid::Uuid;

use crate::{state::Api, transfers::parts};

/// How long an upload waits for others to come in.
const WAIT: Duration = Duration::from_secs(5);

/// A file that is there.
pub(super) struct Upload {
    pub(super) id: Uuid,
    pub(super) bytes: i64,
    pub(super) digest: Vec<u8>,
}

impl Upload {
    /// Takes in the body of a request. What breaks off leaves nothing behind, or parts that the upkeep finds.
    pub(super) async fn receive(api: &Api, request: Request) -> Result<Self, Problem> {
        let turn = tokio::time::timeout(WAIT, api.uploads.acquire()).await;
        let _turn = turn.map_err(|_| {
            let detail = "Too many files are being uploaded; try again.";
            Problem::new(ErrorCode::Unavailable, detail).retry_after(WAIT)
        })?;
        let id = Uuid::now_v7();
        let received = Self::parts(api, id, BodyPieces::of(request)).await;
        if received.is_err() {
            forget_unused(api, id).await;
        }
        received
    }

    async fn parts(api: &Api, id: Uuid, mut pieces: BodyPieces) -> Result<Self, Problem> {
        let (mut number, mut bytes, mut hash) = (0, 0, Sha256::new());
        let mut buffer: Vec<u8> = Vec::with_capacity(parts::PART);
        while let Some(piece) = pieces.next().await? {
            hash.update(&piece);
            bytes += piece.len();
            let mut rest = &piece[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(parts::PART - buffer.len()));
                buffer.extend_from_slice(now);
                rest = later;
                if buffer.len() == parts::PART {
                    parts::put(&api.pool, id, number, &buffer, api.clock.now()).await?;
                    number += 1;
                    buffer.clear();
                }
            }
        }
        // An empty file has a part, too, by which it is known to be there.
        if number == 0 || !buffer.is_empty() {
            parts::put(&api.pool, id, number, &buffer, api.clock.now()).await?;
        }
        Ok(Self {
            id,
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            digest: hash.finalize().to_vec(),
        })
    }
}

/// Forgets a file that has become no import.
pub(super) async fn forget_unused(api: &Api, id: Uuid) {
    let delete = sqlx::query!(
        "DELETE FROM transfer_parts WHERE transfer_id = $1
             AND NOT EXISTS (SELECT FROM transfers WHERE id = $1)",
        id,
    );
    if let Err(error) = traced("transfer_part.forget", delete.execute(&api.pool)).await {
        tracing::warn!(%error, "a file that nobody needs stays until the upkeep finds it");
    }
}
