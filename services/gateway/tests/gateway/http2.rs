//! HTTP/2 over cleartext, frame by frame: what its framing does not rule out by itself.

use crate::support::World;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    let head = [
        length[1], length[2], length[3], kind, flags, 0, 0, 0, stream,
    ];
    [&head, payload].concat()
}

/// A field as a literal, neither indexed nor compressed (RFC 7541, 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let short = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length < 127);
    let text = |text| [&[short(text).expect("a short text")], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// What the gateway says to a request.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// The answer's status, if it is one with an entry in the static table.
    Status(Option<u16>),
    /// The stream or the connection was given up.
    Refused,
}

/// A request without a body, as this stream.
pub(crate) fn ask_for(stream: u8, fields: Fields<'_>) -> Vec<u8> {
    let block: Vec<u8> = fields.iter().flat_map(|(n, v)| literal(n, v)).collect();
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
}

/// A connection with these settings and a request.
pub(crate) async fn begin(
    world: &World,
    settings: &[u8],
    fields: Fields<'_>,
    body: Option<&str>,
) -> TcpStream {
    let mut stream = TcpStream::connect(world.authority())
        .await
        .expect("a connection");
    let block: Vec<u8> = fields.iter().flat_map(|(n, v)| literal(n, v)).collect();
    let end = if body.is_some() { 0 } else { END_STREAM };
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
    bytes.extend(frame(HEADERS, END_HEADERS | end, 1, &block));
    if let Some(body) = body {
        bytes.extend(frame(DATA, END_STREAM, 1, body.as_bytes()));
    }
    stream.write_all(&bytes).await.expect("room");
    stream
}

async fn ask(world: &World, fields: Fields<'_>, body: Option<&str>) -> Said {
    let mut stream = begin(world, &[], fields, body).await;
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return Said::Refused;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream
            .read_exact(&mut payload)
            .await
            .expect("a whole frame");
        match head[3] {
            HEADERS => return Said::Status(status(&payload)),
            RST_STREAM | GOAWAY => return Said::Refused,
            _ => {}
        }
    }
}

/// An indexed field of the static table (RFC 7541, appendix A).
fn status(block: &[u8]) -> Option<u16> {
    match block.first()? {
        0x88 => Some(200),
        0x8C => Some(400),
        0x8D => Some(404),
        _ => None,
    }
}

/// A request of this method and path with more fields.
pub(crate) fn with<'a>(
    method: &'a str,
    path: &'a str,
    more: Fields<'a>,
) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        (":method", method),
        (":scheme", "http"),
        (":authority", "stoa"),
        (":path", path),
    ];
    fields.extend_from_slice(more);
    fields
}

fn get(more: Fields<'_>) -> Vec<(&str, &str)> {
    with("GET", "/api/v1/open/x", more)
}

#[tokio::test]
async fn an_ordinary_request_passes() {
    let world = World::start().await;
    assert_eq!(ask(&world, &get(&[]), None).await, Said::Status(Some(200)));
    let post = with("POST", "/api/v1/open/x", &[("content-length", "3")]);
    let said = ask(&world, &post, Some("abc")).await;
    assert_eq!(said, Said::Status(Some(200)));
    let expected = ["GET /api/v1/open/x 0", "POST /api/v1/open/x 3"];
    assert_eq!(world.upstream.complete(), expected);
}

#[tokio::test]
async fn what_would_be_doubtful_in_http1_is_refused() {
    let world = World::start().await;
    let doubtful = [
        get(&[("connection", "close")]),
        get(&[("keep-alive", "timeout=5")]),
        get(&[("proxy-connection", "close")]),
        get(&[("transfer-encoding", "chunked")]),
        get(&[("upgrade", "h2c")]),
        get(&[("te", "gzip")]),
        get(&[("X-Upper", "y")]),
        get(&[("x y", "z")]),
        get(&[("x:", "z")]),
        get(&[("x", "y\r\nz: a")]),
        get(&[("x", "y\nz: a")]),
        get(&[("x", "y\0z")]),
        get(&[("x\r\ny", "z")]),
        get(&[("", "z")]),
        get(&[(":path", "/api/v1/open/y")]),
        get(&[(":unknown", "y")]),
        get(&[("x", "y"), (":authority", "evil")]),
        get(&[("host", "evil")]),
        get(&[("host", "stoa"), ("host", "stoa")]),
        get(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]),
        get(&[("expect", "200-ok")]),
        with("GET", "/api/v1/open/x y", &[]),
        with("GET", "/api/v1/open/x\r\nX: y", &[]),
        with("GET", "/api/v1/open/x HTTP/1.1\r\nHost: evil", &[]),
        with("GET", "api/v1/open/x", &[]),
        with("GET", "", &[]),
        with("GET", "*", &[]),
        with("GET", "?x=1", &[]),
        with("GET", "//evil/x", &[]),
        with("GET", "/api/v1/open/\u{e9}", &[]),
        with("GET", "/api/v1/open/%2e%2e/x", &[]),
        with("GET", "http://evil/api/v1/open/x", &[]),
        with("GET /x HTTP/1.1\r\n", "/api/v1/open/x", &[]),
        with("TRACE", "/api/v1/open/x", &[]),
        with("CONNECT", "/api/v1/open/x", &[]),
        vec![(":method", "GET"), (":path", "/api/v1/open/x")],
        vec![
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/api/v1/open/x"),
        ],
        vec![
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "user@stoa"),
            (":path", "/api/v1/open/x"),
        ],
        vec![
            (":method", "GET"),
            (":scheme", "ftp"),
            (":authority", "stoa"),
            (":path", "/api/v1/open/x"),
        ],
    ];
    for fields in doubtful {
        let said = ask(&world, &fields, None).await;
        assert_ne!(said, Said::Status(Some(200)), "{fields:?}");
    }
    assert_eq!(world.upstream.complete(), Vec::<String>::new());
}

#[tokio::test]
async fn a_path_that_does_not_begin_as_one_is_refused_with_a_reason() {
    let world = World::start().await;
    let fields = with("GET", "?x=1", &[]);
    assert_eq!(ask(&world, &fields, None).await, Said::Status(Some(400)));
    assert_eq!(world.upstream.complete(), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_of_another_length_than_announced_never_arrives() {
    let world = World::start().await;
    for length in ["0", "2", "4", "+3", "3,3", ""] {
        let more = [("content-length", length)];
        let post = with("POST", "/api/v1/open/x", &more);
        let said = ask(&world, &post, Some("abc")).await;
        assert_ne!(said, Said::Status(Some(200)), "{length}");
    }
    assert_eq!(world.upstream.complete(), Vec::<String>::new());
}

#[tokio::test]
async fn a_get_or_head_with_a_body_never_arrives() {
    let world = World::start().await;
    for method in ["GET", "HEAD"] {
        let fields = with(method, "/api/v1/open/x", &[]);
        let said = ask(&world, &fields, Some("abc")).await;
        assert_eq!(said, Said::Status(Some(400)), "{method}");
    }
    assert_eq!(world.upstream.complete(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stream_that_its_client_resets_is_counted_as_given_up() {
    let world = World::start().await;
    let request = with("PUT", "/api/v1/open/slow", &[]);
    let mut stream = begin(&world, &[], &request, None).await;
    let soon = Duration::from_secs(10);
    let arrived = async || (world.upstream.working() == 1).then_some(());
    stoa_testing::eventually(soon, arrived).await;
    // Why: CANCEL.
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    stream.write_all(&reset).await.expect("it is open");
    let is_counted = async || (world.given_up("PUT").await == 1).then_some(());
    stoa_testing::eventually(soon, is_counted).await;
}
