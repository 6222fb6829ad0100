//! The answer that was given before, or one of `ml`.

use crate::cache::{self, Cache};
use crate::coalescing::{InFlight, in_flight, share};
use std::sync::Arc;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::parse::{ParseResult, ParseWithModel};

/// Where answers of versions of models come from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Answers {
    cache: Cache,
    ml: ServiceClient,
    in_flight: InFlight,
}

impl Answers {
    /// The answers of this `ml`.
    pub(crate) fn new(cache: Cache, ml: ServiceClient) -> Self {
        let in_flight = in_flight();
        Self {
            cache,
            ml,
            in_flight,
        }
    }

    /// What an utterance means to one version of an assistant's model. Whoever asks the same meanwhile shares the answer.
    pub(crate) async fn answer(
        &self,
        input: &ParseWithModel,
    ) -> Result<ParseResult, Arc<ClientError>> {
        let key = cache::key(input);
        let ask = || self.find(&key, input);
        share(&self.in_flight, &key, self.ml.timeout(), ask).await
    }

    async fn find(&self, key: &str, input: &ParseWithModel) -> Result<ParseResult, ClientError> {
        if let Some(result) = self.cache.get(key, input).await {
            return Ok(result);
        }
        let result = self.ml.post("/internal/v1/parse", input).await?;
        self.cache.put(key, input, &result);
        Ok(result)
    }
}
