//! What a refused call to another service means for a job.

use stoa_client::ClientError;
use stoa_contracts::{Coded as _, ErrorCode};

/// Whether it may go well later. What the other side refuses once, it refuses always; its defects may be mended.
pub(crate) fn is_for_now(error: &ClientError) -> bool {
    error.is_transient() || error.code() == ErrorCode::Internal
}
