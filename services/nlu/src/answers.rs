//! The answer that was given before, or one of the engine.

use crate::cache::Cache;
use crate::engine::Engine;
use stoa_client::ClientError;
use stoa_contracts::parse::{ParseResult, ParseWithModel};

/// Where answers come from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) cache: Cache,
    pub(crate) engine: Engine,
}

impl Answers {
    /// What an utterance means to one version of an assistant's model.
    pub(crate) async fn answer(&self, input: &ParseWithModel) -> Result<ParseResult, ClientError> {
        if let Some(result) = self.cache.get(input).await {
            return Ok(result);
        }
        let result = self.engine.parse(input).await?;
        self.cache.put(input, &result).await;
        Ok(result)
    }
}
