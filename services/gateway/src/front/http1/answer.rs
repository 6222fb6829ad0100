//! An answer as HTTP/1.1 writes it (RFC 9112).

use super::date;
use super::link::Link;
use crate::body::Given;
use crate::headers::Added;
use crate::lines;
use bytes::{Buf as _, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::body::{Body as _, Frame};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

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
    /// There is none, and nothing is said about one.
    None,
    /// There is none; told is how long that of a GET would be, if that is known here.
    Told(Option<u64>),
    Length(u64),
    Chunked,
    /// With the connection: a client of HTTP/1.0 knows no chunks.
    UntilClose,
}

impl Framing {
    fn of(parts: &Parts, body: &Given, asked: &Asked) -> Self {
        if parts.status.is_informational() || parts.status == StatusCode::NO_CONTENT {
            return Self::None;
        }
        let length = body.size_hint().exact();
        if asked.is_head || parts.status == StatusCode::NOT_MODIFIED {
            return Self::Told(length.filter(|length| *length > 0));
        }
        match (length, asked.version) {
            (Some(length), _) => Self::Length(length),
            (None, Version::HTTP_10) => Self::UntilClose,
            (None, _) => Self::Chunked,
        }
    }
}

/// Writes an answer; whether the connection may be used again.
pub(super) async fn write(
    link: &Link,
    response: Response<Given>,
    added: Option<Added>,
    mut asked: Asked,
    patience: Duration,
) -> io::Result<bool> {
    let (parts, mut body) = response.into_parts();
    let framing = Framing::of(&parts, &body, &asked);
    asked.keeps &= framing != Framing::UntilClose;
    let mut out = Vec::with_capacity(HEAD);
    let keeps = write_head(&mut out, &parts, added.as_ref(), framing, &asked);
    if matches!(framing, Framing::None | Framing::Told(_)) {
        link.write(out.as_slice(), patience).await?;
        return Ok(keeps);
    }
    if let Given::Whole(all) = &mut body {
        if let Some(piece) = all.take() {
            put(link, &mut out, piece, framing, patience).await?;
        }
        link.write(out.as_slice(), patience).await?;
        return Ok(keeps);
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
    Ok(keeps)
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

/// Writes the head; whether the connection may be used again afterwards.
fn write_head(
    out: &mut Vec<u8>,
    parts: &Parts,
    added: Option<&Added>,
    framing: Framing,
    asked: &Asked,
) -> bool {
    let reason = parts.status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", parts.status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let (mut has_date, mut connection) = (false, None);
    let mut adding = added.map(Added::begin);
    for (name, value) in &parts.headers {
        match *name {
            // How the body goes is said below. What a service told of one that does not come is passed on.
            CONTENT_LENGTH if framing != Framing::Told(None) => continue,
            TRANSFER_ENCODING => continue,
            DATE => has_date = true,
            CONNECTION => connection = Some(value),
            _ if adding.as_mut().is_some_and(|adding| adding.replaces(name)) => continue,
            _ => {}
        }
        lines::put(out, name, value);
    }
    if let Some(adding) = adding {
        adding.write(out);
    }
    match framing {
        Framing::Length(length) | Framing::Told(Some(length)) => {
            let mut buffer = itoa::Buffer::new();
            lines::put(out, CONTENT_LENGTH, buffer.format(length));
        }
        Framing::Chunked => lines::put(out, TRANSFER_ENCODING, "chunked"),
        Framing::None | Framing::Told(None) | Framing::UntilClose => {}
    }
    if !has_date {
        let now = added.map_or_else(Instant::now, |added| added.now);
        date::with_now(now, |now| lines::put(out, DATE, now));
    }
    match (connection, asked.keeps, asked.version) {
        (Some(_), ..) | (None, true, Version::HTTP_11) => {}
        (None, true, _) => lines::put(out, CONNECTION, "keep-alive"),
        (None, false, _) => lines::put(out, CONNECTION, "close"),
    }
    out.extend_from_slice(b"\r\n");
    asked.keeps && connection.is_none_or(|said| said != "close")
}
