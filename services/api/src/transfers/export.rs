//! The work of an export: a revision becomes a file.

use sqlx::types::Json as Stored;
use stoa_contracts::training_data::TrainingData;
use stoa_postgres::{begin, traced};

use super::{Ending, Transfer, WorkError, parts};
use crate::{state::Api, training_data::write};

pub(super) async fn run(api: &Api, transfer: &Transfer) -> Result<(), WorkError> {
    let select = sqlx::query_scalar!(
        r#"SELECT data AS "data: Stored<TrainingData>" FROM training_data
           WHERE assistant_id = $1 AND version = $2"#,
        transfer.assistant,
        transfer.base_version,
    );
    let found = traced("training_data.get", select.fetch_optional(&api.pool)).await?;
    let Some(Stored(data)) = found else {
        let why = "This revision of the training data is not kept any more; export it again.";
        Ending::failed(why).end(api, transfer.id).await?;
        return Ok(());
    };
    let format = transfer.format.into();
    let file = api.on_document(move || write(&data, format)).await?;
    let now = api.clock.now();
    let mut ending = Ending::succeeded();
    ending.bytes = i64::try_from(file.len()).ok();
    let mut transaction = begin(&api.pool).await?;
    // Its row is locked from here on: another copy of the job waits, and finds that it has ended.
    if ending.write(&mut transaction, transfer.id, now).await? {
        for (number, part) in (0..).zip(file.chunks(parts::PART)) {
            parts::put(&mut *transaction, transfer.id, number, part, now).await?;
        }
        traced("transaction.commit", transaction.commit()).await?;
    }
    Ok(())
}
