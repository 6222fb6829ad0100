//! Which service it is that answers at an address.

use serde::{Deserialize, Serialize};

/// Where each service says who it is, to anybody on the network of the platform. It answers 503 when it is about to
/// end, so that nobody chooses it any more.
pub const IDENTITY_PATH: &str = "/internal/v1/identity";

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceIdentity {
    /// The name of the service, such as `nlu`.
    pub service: String,
}
