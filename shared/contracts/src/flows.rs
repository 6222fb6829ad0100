//! The flow document: what an assistant says and does.

use serde::{Deserialize, Serialize};

/// The flows of an assistant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Flows {}
