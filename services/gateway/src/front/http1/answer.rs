//! An answer as HTTP/1.1 writes it (RFC 9112).

use super::link::Link;
use crate::body::Given;
use bytes::{Buf as _, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::body::{Body as _, Frame};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

/// Room for most heads.
const HEAD: usize = 1024;
/// A body up to this length is copied behind its head: that costs less than to write two pieces.
const SHORT: usize = 4 << 10;

/// What a request says about its answer.
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) version: Version,
    /// Whether the connection may stay.
    pub(super) keeps: bool,
}

impl Asked {
    pub(super) fn by(method: &Method, version: Version, keeps: bool) -> Self {
        let is_head = *method == Method::HEAD;
        Self {
            is_head,
            version,
            keeps,
        }
    }
}

/// How the client learns where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// There is none.
    None,
    Length,
    Chunked,
    /// With the connection: a client of HTTP/1.0 knows no chunks.
    UntilClose,
}

/// Writes an answer; whether the connection may be used again.
pub(super) async fn write(
    link: &Link,
    response: Response<Given>,
    mut asked: Asked,
    patience: Duration,
) -> io::Result<bool> {
    let (mut parts, mut body) = response.into_parts();
    let framing = framing(&mut parts, &body, &asked);
    asked.keeps &= framing != Framing::UntilClose && !says_close(&parts.headers);
    let mut out = Vec::with_capacity(HEAD);
    write_head(&mut out, &parts, framing, &asked);
    if framing == Framing::None {
        link.write(out.as_slice(), patience).await?;
        return Ok(asked.keeps);
    }
    loop {
        let piece = poll_fn(|context| Poll::Ready(poll_data(&mut body, context))).await;
        let piece = match piece {
            Poll::Ready(piece) => piece,
            Poll::Pending => {
                // What has come goes out before the rest is waited for.
                link.write(out.as_slice(), patience).await?;
                out.clear();
                let mut next = poll_fn(|context| poll_data(&mut body, context));
                let next = link.unless_gone(Pin::new(&mut next)).await;
                next.ok_or(io::ErrorKind::BrokenPipe)?
            }
        };
        let Some(piece) = piece.transpose()? else {
            break;
        };
        put(link, &mut out, piece, framing, patience).await?;
    }
    if framing == Framing::Chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    link.write(out.as_slice(), patience).await?;
    Ok(asked.keeps)
}

/// Puts a piece behind what is to be written; writes it if it is not short.
async fn put(
    link: &Link,
    out: &mut Vec<u8>,
    piece: Bytes,
    framing: Framing,
    patience: Duration,
) -> io::Result<()> {
    let end: &[u8] = match framing {
        Framing::Chunked => b"\r\n",
        _ => b"",
    };
    if framing == Framing::Chunked {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
    }
    if out.len() + piece.len() <= SHORT {
        out.extend_from_slice(&piece);
        out.extend_from_slice(end);
        return Ok(());
    }
    let all = out.as_slice().chain(piece).chain(end);
    link.write(all, patience).await?;
    out.clear();
    Ok(())
}

/// The next data of a body; trailers are not passed on.
fn poll_data(body: &mut Given, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
    loop {
        let frame = ready!(Pin::new(&mut *body).poll_frame(context));
        let data = frame.map(|frame| frame.map(Frame::into_data).map_err(io::Error::other));
        match data.transpose() {
            Err(error) => return Poll::Ready(Some(Err(error))),
            Ok(None) => return Poll::Ready(None),
            Ok(Some(Ok(data))) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
            Ok(Some(_)) => {}
        }
    }
}

/// Decides how the body ends; a length that is known is then among the headers.
fn framing(parts: &mut Parts, body: &Given, asked: &Asked) -> Framing {
    parts.headers.remove(TRANSFER_ENCODING);
    let has_none = parts.status.is_informational() || parts.status == StatusCode::NO_CONTENT;
    if has_none {
        parts.headers.remove(CONTENT_LENGTH);
        return Framing::None;
    }
    let length = body.size_hint().exact();
    let is_silent = asked.is_head || parts.status == StatusCode::NOT_MODIFIED;
    if is_silent {
        // What a GET would be told. A service has said it, or does not know.
        if let Some(length @ 1..) = length {
            parts.headers.insert(CONTENT_LENGTH, length.into());
        }
        return Framing::None;
    }
    if let Some(length) = length {
        parts.headers.insert(CONTENT_LENGTH, length.into());
        return Framing::Length;
    }
    parts.headers.remove(CONTENT_LENGTH);
    match asked.version {
        Version::HTTP_10 => Framing::UntilClose,
        _ => Framing::Chunked,
    }
}

fn write_head(out: &mut Vec<u8>, parts: &Parts, framing: Framing, asked: &Asked) {
    let line = |out: &mut Vec<u8>, name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    let reason = parts.status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", parts.status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &parts.headers {
        line(out, name.as_str().as_bytes(), value.as_bytes());
    }
    if framing == Framing::Chunked {
        line(out, b"transfer-encoding", b"chunked");
    }
    if !parts.headers.contains_key(DATE) {
        let now = httpdate::fmt_http_date(SystemTime::now());
        line(out, b"date", now.as_bytes());
    }
    if !parts.headers.contains_key(CONNECTION) {
        match (asked.keeps, asked.version) {
            (true, Version::HTTP_10) => line(out, b"connection", b"keep-alive"),
            (true, _) => {}
            (false, _) => line(out, b"connection", b"close"),
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn says_close(headers: &HeaderMap) -> bool {
    headers
        .get(CONNECTION)
        .is_some_and(|said: &HeaderValue| said == "close")
}
