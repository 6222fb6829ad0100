//! How a client's bytes fall into requests (RFC 9112), and what is refused.
//!
//! Many servers take requests that another reader would split at another place: bare line feeds,
//! `Content-Length` beside `Transfer-Encoding`, a fragment in the target. A proxy that forwards one of those
//! smuggles. The [`Reader`] of a connection goes by rules that leave no choice, and gives a request only when there is
//! one way to read it. What is doubtful about a head that has been understood, also of HTTP/2, [`refuse()`] says.

mod chunked;
mod doubt;
mod head;
mod reader;
mod refuse;

pub use doubt::Doubt;
pub(crate) use head::LARGEST as LARGEST_HEAD;
pub use head::{Framing, Head};
pub use reader::{Piece, Reader};
pub use refuse::{Refusal, refuse, refuse_body};

/// Makes the counter of refusals known, at zero for every reason.
pub(crate) fn describe() {
    doubt::describe();
}
