//! The engines that understand utterances, behind one call.

use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::parse::{ParseResult, ParseWithModel};

/// An engine. A remote one, or a fallback order, becomes another variant.
#[derive(Clone)]
pub(crate) enum Engine {
    /// The built-in one, the service `ml`.
    Ml(ServiceClient),
}

impl Engine {
    /// What an utterance means to one version of an assistant's model.
    pub(crate) async fn parse(&self, input: &ParseWithModel) -> Result<ParseResult, ClientError> {
        match self {
            Self::Ml(client) => client.post("/internal/v1/parse", input).await,
        }
    }
}
