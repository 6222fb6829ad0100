//! Below the HTTP parser: every byte that a client sends, before it is understood.
//!
//! The parser takes some requests that another reader would split at another place: bare line
//! feeds, `Content-Length` beside `Transfer-Encoding`, a fragment in the target. A proxy that
//! forwards one of those smuggles. [`Strict`] follows the framing by rules that leave no choice
//! and lets the parser see a request only while there is one way to read it. It looks at the
//! lines of heads; bodies are counted, not read.

mod chunked;
mod doubt;
mod head;
mod lines;
mod refuse;
mod strict;

pub use refuse::{Refusal, refuse};
pub use strict::Strict;

use doubt::Doubt;

/// Makes the counter of [`Strict`]'s refusals known, at zero for every reason.
pub(crate) fn describe() {
    doubt::describe();
}
