//! What an engine's refusal means.

use bollard::errors::Error;

/// There is no such thing.
pub(crate) const NOT_FOUND: u16 = 404;
/// The name is taken.
pub(crate) const CONFLICT: u16 = 409;

/// The HTTP status of a refusal; nothing if there was no answer.
pub(crate) fn of(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether somebody else changed the thing since it was read. Swarm has no status of its own for this.
pub(crate) fn is_outdated(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. } if message.contains("update out of sequence"))
}
