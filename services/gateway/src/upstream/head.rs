//! The head of a request as it is written, and that of an answer as it is read (RFC 9112).

use super::error::Broken;
use crate::lines;
use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{Method, Response, StatusCode, Version};
use std::mem::MaybeUninit;

/// More headers than any service of ours sends.
const HEADERS: usize = 64;
/// Room for the head of most requests.
const USUAL: usize = 1024;
/// A head that is larger comes from no service of ours.
const LONGEST: usize = 64 << 10;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, and nothing says so.
    None,
    /// So many bytes.
    Length(u64),
    /// By chunks.
    Chunked,
    /// With the connection; of an answer only.
    UntilClose,
}

/// An answer's head, and what it says about what follows.
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) framing: Framing,
    /// Whether the connection may be used again.
    pub(super) keeps: bool,
}

/// Begins the head of a request; lines about the connection, the framing or the host are not to follow.
pub(crate) fn begin(method: &Method, path: &str) -> Vec<u8> {
    let mut head = Vec::with_capacity(USUAL);
    for part in [method.as_str(), " ", path, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    head
}

/// Says where the body ends.
pub(super) fn frame(head: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => {
            lines::put(head, CONTENT_LENGTH, itoa::Buffer::new().format(length));
        }
        Framing::Chunked => lines::put(head, TRANSFER_ENCODING, "chunked"),
        Framing::None | Framing::UntilClose => {}
    }
}

/// Takes the head of the answer to a request by `method` from what has been received; `None`
/// until all of it is there. What is only about the way (1xx) is passed over.
pub(super) fn take(received: &mut BytesMut, method: &Method) -> Result<Option<Head>, Broken> {
    loop {
        let Some(response) = take_one(received)? else {
            return Ok(None);
        };
        let status = response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            let said = Said::by(response.headers());
            let framing = framing(&response, &said, method)?;
            let keeps = framing != Framing::UntilClose && keeps(&response, &said);
            return Ok(Some(Head {
                response,
                framing,
                keeps,
            }));
        }
    }
}

fn take_one(received: &mut BytesMut) -> Result<Option<Response<()>>, Broken> {
    if received.is_empty() {
        return Ok(None);
    }
    let start = received.as_ptr() as usize;
    let place = |part: &[u8]| {
        let at = part.as_ptr() as usize - start;
        (at, at + part.len())
    };
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut head = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let parsed = config.parse_response_with_uninit_headers(&mut head, received, &mut headers);
    let length = match parsed.map_err(|_| Broken::Malformed)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if received.len() > LONGEST => return Err(Broken::Malformed),
        httparse::Status::Partial => return Ok(None),
    };
    let fields = head.headers.iter();
    let places: Vec<_> = fields
        .map(|header| (place(header.name.as_bytes()), place(header.value)))
        .collect();
    let (code, minor) = (head.code, head.version);
    let bytes = received.split_to(length).freeze();
    let mut response = Response::new(());
    let status = code.and_then(|code| StatusCode::from_u16(code).ok());
    *response.status_mut() = status.ok_or(Broken::Malformed)?;
    if minor == Some(0) {
        *response.version_mut() = Version::HTTP_10;
    }
    read_headers(response.headers_mut(), &bytes, &places)?;
    Ok(Some(response))
}

type Span = (usize, usize);

/// The values share the memory of the head.
fn read_headers(
    headers: &mut HeaderMap,
    head: &Bytes,
    places: &[(Span, Span)],
) -> Result<(), Broken> {
    headers.reserve(places.len());
    for ((name, name_end), (value, value_end)) in places.iter().copied() {
        let name = HeaderName::from_bytes(&head[name..name_end]);
        let value = HeaderValue::from_maybe_shared(head.slice(value..value_end));
        headers.append(
            name.map_err(|_| Broken::Malformed)?,
            value.map_err(|_| Broken::Malformed)?,
        );
    }
    Ok(())
}

/// Which of the headers that are about the way there are.
#[derive(Default)]
struct Said<'h> {
    coding: bool,
    connection: bool,
    length: Option<&'h HeaderValue>,
    /// Whether there is another length.
    differs: bool,
}

impl<'h> Said<'h> {
    fn by(headers: &'h HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            match *name {
                TRANSFER_ENCODING => said.coding = true,
                CONNECTION => said.connection = true,
                CONTENT_LENGTH => {
                    let before = said.length.replace(value);
                    said.differs |= before.is_some_and(|before| before != value);
                }
                _ => {}
            }
        }
        said
    }

    fn content_length(&self) -> Result<Option<u64>, Broken> {
        let Some(length) = self.length else {
            return Ok(None);
        };
        if self.differs {
            return Err(Broken::Malformed);
        }
        let text = length.to_str().map_err(|_| Broken::Malformed)?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let length = text.parse().ok().filter(|_| is_number);
        length.map(Some).ok_or(Broken::Malformed)
    }
}

/// RFC 9112 section 6.3. An answer that says it in two ways is not believed at all.
fn framing(response: &Response<()>, said: &Said<'_>, method: &Method) -> Result<Framing, Broken> {
    let headers = response.headers();
    let status = response.status();
    if *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        return Ok(Framing::None);
    }
    let length = said.content_length()?;
    if said.coding {
        let mut codings = words(headers, &TRANSFER_ENCODING);
        let is_chunked = codings
            .next()
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        // The gateway passes on no coding that it does not understand.
        return match (is_chunked && codings.next().is_none(), length) {
            (true, None) => Ok(Framing::Chunked),
            _ => Err(Broken::Malformed),
        };
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

fn keeps(response: &Response<()>, said: &Said<'_>) -> bool {
    let says = |word: &str| {
        said.connection
            && words(response.headers(), &CONNECTION).any(|said| said.eq_ignore_ascii_case(word))
    };
    if response.version() == Version::HTTP_10 {
        return says("keep-alive");
    }
    response.status() != StatusCode::SWITCHING_PROTOCOLS && !says("close")
}

fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, method: &Method) -> Result<Option<Head>, Broken> {
        take(&mut BytesMut::from(text), method)
    }

    fn framing_of(headers: &str) -> Option<Framing> {
        let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        answer(&text, &Method::GET)
            .ok()
            .flatten()
            .map(|head| head.framing)
    }

    #[test]
    fn the_end_of_a_body_is_known_or_the_answer_is_refused() {
        for (headers, expected) in [
            ("content-length: 5\r\n", Some(Framing::Length(5))),
            (
                "content-length: 5\r\ncontent-length: 5\r\n",
                Some(Framing::Length(5)),
            ),
            ("content-length: 5\r\ncontent-length: 6\r\n", None),
            (
                "content-length: 5\r\ncontent-length: 6\r\ncontent-length: 6\r\n",
                None,
            ),
            ("content-length: +5\r\n", None),
            ("content-length:\r\n", None),
            ("content-length: 18446744073709551616\r\n", None),
            ("transfer-encoding: Chunked\r\n", Some(Framing::Chunked)),
            ("transfer-encoding: gzip, chunked\r\n", None),
            ("transfer-encoding: chunked\r\ncontent-length: 5\r\n", None),
            ("", Some(Framing::UntilClose)),
        ] {
            assert_eq!(framing_of(headers), expected, "{headers}");
        }
        let of_head = answer(
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
            &Method::HEAD,
        );
        assert_eq!(of_head.ok().flatten().unwrap().framing, Framing::None);
    }

    #[test]
    fn it_is_read_however_it_comes_and_what_follows_stays() {
        let text = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-one: 1\r\n\r\nab";
        let end = text.len() - 2;
        let mut received = BytesMut::new();
        for (at, byte) in text.bytes().enumerate() {
            received.extend_from_slice(&[byte]);
            let head = take(&mut received, &Method::GET).ok().unwrap();
            assert_eq!(head.is_some(), at + 1 == end, "{at}");
            if let Some(head) = head {
                assert_eq!(head.response.headers()["x-one"], "1");
                break;
            }
        }
        received.extend_from_slice(b"ab");
        assert_eq!(&received[..], b"ab");
    }

    #[test]
    fn a_connection_is_kept_unless_the_answer_says_otherwise() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: Close\r\n\r\n",
                false,
            ),
            ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n",
                false,
            ),
        ] {
            let head = answer(head, &Method::GET).ok().flatten().unwrap();
            assert_eq!(head.keeps, expected);
        }
    }
}
