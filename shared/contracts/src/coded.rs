//! What an error of ours has to say before a client may see it.

use crate::{ErrorCode, Problem};

/// An error with a meaning: one code, from which the service kit makes the one problem response.
///
/// Implement [`code`](Self::code) for every error enum that a handler returns. The text of the
/// error becomes the problem's `detail`, except where the defect is ours: then clients read a
/// fixed sentence, and the text with all its sources goes to the log.
pub trait Coded: std::error::Error {
    /// What it means to the client.
    fn code(&self) -> ErrorCode;

    /// The body for the client; override it to name the places of the input that are wrong.
    fn problem(&self) -> Problem {
        let code = self.code();
        let detail = match code {
            ErrorCode::Internal | ErrorCode::Unavailable => code.title().to_owned(),
            _ => self.to_string(),
        };
        Problem::new(code, detail)
    }
}
