//! Requests that two readers could understand differently. Each is answered with 4xx or with a
//! closed connection, the service behind sees nothing of it, and what follows it on the same
//! connection is never read as a request.

use crate::support::World;
use futures_util::future::join_all;

/// What an attacker wants the service to see.
const SMUGGLED: &str = "GET /api/v1/open/smuggled HTTP/1.1\r\nHost: stoa\r\n\r\n";
/// A connection over which nothing comes is closed after this; the tests wait for it.
const SETTINGS: [(&str, &str); 2] = [
    ("REQUEST_HEAD_TIMEOUT", "500ms"),
    ("RATE_LIMIT_BURST", "10000"),
];

/// A request with this between its line and its end.
fn post(rest: &str) -> Vec<u8> {
    format!("POST /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n{rest}").into_bytes()
}

/// A GET with this request line.
fn line(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: stoa\r\n\r\n").into_bytes()
}

/// A GET with these header lines.
fn get(headers: &str) -> Vec<u8> {
    format!("GET /api/v1/open/x HTTP/1.1\r\n{headers}\r\n\r\n").into_bytes()
}

/// Every status that the answers on a connection have.
fn statuses(answers: &str) -> Vec<u16> {
    let status = |answer: &str| answer.get(2..5)?.parse().ok();
    answers.split("HTTP/1.").filter_map(status).collect()
}

/// Sends each with something behind it; all must be refused, and nothing come through.
async fn refused(requests: Vec<Vec<u8>>) {
    let world = World::with(&SETTINGS).await;
    let sent = requests.iter().map(async |request| {
        let bytes = [request.as_slice(), SMUGGLED.as_bytes()].concat();
        world.exchange(&bytes).await
    });
    let mut wrong = Vec::new();
    for (request, answer) in requests.iter().zip(join_all(sent).await) {
        let statuses = statuses(&answer);
        let refused = statuses.iter().all(|status| (400..500).contains(status));
        if !refused || statuses.len() > 1 {
            wrong.push(format!("{} -> {statuses:?}", request.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(world.upstream.complete(), Vec::<String>::new());
}

#[tokio::test]
async fn lengths_that_are_not_one_plain_number_are_refused() {
    refused(vec![
        post("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        post("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        post("Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc"),
        post("Content-Length: 3, 3\r\n\r\nabc"),
        post("Content-Length: 3,4\r\n\r\nabc"),
        post("Content-Length: +3\r\n\r\nabc"),
        post("Content-Length: -1\r\n\r\n"),
        post("Content-Length: 0x3\r\n\r\nabc"),
        post("Content-Length: 3 4\r\n\r\nabc"),
        post("Content-Length:  3\r\n\r\nabc"),
        post("Content-Length:\t3\r\n\r\nabc"),
        post("Content-Length: 3 \r\n\r\nabc"),
        post("Content-Length: 3;a\r\n\r\nabc"),
        post("Content-Length: 3.0\r\n\r\nabc"),
        post("Content-Length: 1e1\r\n\r\n0123456789"),
        post("Content-Length: 1_0\r\n\r\n0123456789"),
        post("Content-Length: \"3\"\r\n\r\nabc"),
        post("Content-Length: \u{663}\r\n\r\nabc"),
        post("Content-Length:\r\n\r\n"),
        post("Content-Length: \r\n\r\n"),
        post("Content-Length: 18446744073709551619\r\n\r\nabc"),
        post("Content-Length: 99999999999999999999999999\r\n\r\nabc"),
        post("Content-Length : 3\r\n\r\nabc"),
        post("Content-Length\t: 3\r\n\r\nabc"),
        post("Content-Length\u{b}: 3\r\n\r\nabc"),
        post(" Content-Length: 3\r\n\r\nabc"),
        post("Content-Length: 3\0\r\n\r\nabc"),
        post("Content-Length: \r\n 3\r\n\r\nabc"),
    ])
    .await;
}

#[tokio::test]
async fn codings_that_are_not_one_plain_chunked_are_refused() {
    let chunks = "\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let te = |value: &str| post(&format!("Transfer-Encoding:{value}{chunks}"));
    refused(vec![
        post(&format!(
            "Content-Length: 3\r\nTransfer-Encoding: chunked{chunks}"
        )),
        post(&format!(
            "Transfer-Encoding: chunked\r\nContent-Length: 3{chunks}"
        )),
        post(&format!(
            "Content-Length: 0\r\nTransfer-Encoding: chunked{chunks}"
        )),
        post(&format!(
            "Transfer-Encoding: chunked\r\ncontent-length: 0{chunks}"
        )),
        post(&format!(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked{chunks}"
        )),
        post(&format!(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity{chunks}"
        )),
        post(&format!(
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked{chunks}"
        )),
        post(&format!(
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked{chunks}"
        )),
        post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc"),
        te(" xchunked"),
        te(" chunkedx"),
        te("  chunked"),
        te("\tchunked"),
        te(" \tchunked"),
        te(" chunked "),
        te(" chunked\t"),
        te(" chunked, identity"),
        te(" identity, chunked"),
        te(" gzip, chunked"),
        te(" chunked, gzip"),
        te(" chunked, chunked"),
        te(" chunked,"),
        te(" ,chunked"),
        te(" chunked;q=1"),
        te(" \"chunked\""),
        te(" 'chunked'"),
        te(" [chunked]"),
        te("\u{b}chunked"),
        te(" chunked\0"),
        te("\r\n chunked"),
        te(" identity"),
        te(" gzip"),
        te(""),
        post(&format!("Transfer-Encoding : chunked{chunks}")),
        post(&format!("Transfer-Encoding\t: chunked{chunks}")),
        post(&format!(" Transfer-Encoding: chunked{chunks}")),
        post(&format!("X: y\rTransfer-Encoding: chunked{chunks}")),
        format!("POST /api/v1/open/x HTTP/1.0\r\nHost: stoa\r\nTransfer-Encoding: chunked{chunks}")
            .into_bytes(),
    ])
    .await;
}

#[tokio::test]
async fn chunks_that_are_not_plain_are_refused() {
    let chunked = |body: &str| post(&format!("Transfer-Encoding: chunked\r\n\r\n{body}"));
    let extension = "x".repeat(300);
    refused(vec![
        chunked("zz\r\n"),
        chunked("0x3\r\nabc\r\n0\r\n\r\n"),
        chunked("+3\r\nabc\r\n0\r\n\r\n"),
        chunked("-3\r\nabc\r\n0\r\n\r\n"),
        chunked(" 3\r\nabc\r\n0\r\n\r\n"),
        chunked("3 \r\nabc\r\n0\r\n\r\n"),
        chunked("3\t;a\r\nabc\r\n0\r\n\r\n"),
        chunked("\r\n3\r\nabc\r\n0\r\n\r\n"),
        chunked(";a\r\nabc\r\n0\r\n\r\n"),
        chunked("3\nabc\r\n0\r\n\r\n"),
        chunked("3\rabc\r\n0\r\n\r\n"),
        chunked("3\r\nabc\n0\r\n\r\n"),
        chunked("3\r\nabcd\r\n0\r\n\r\n"),
        chunked("3\r\nab\r\n0\r\n\r\n"),
        chunked("3\r\nabc0\r\n\r\n"),
        chunked("3\r\nabc\r\n0\n\n"),
        chunked("3\r\nabc\r\n0\r\n\n"),
        chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"),
        chunked("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        chunked("00000000000000000003\r\nabc\r\n0\r\n\r\n"),
        chunked("3;a\0b\r\nabc\r\n0\r\n\r\n"),
        chunked("3;a\nb\r\nabc\r\n0\r\n\r\n"),
        chunked("3;\rb\r\nabc\r\n0\r\n\r\n"),
        chunked(&format!("3;{extension}\r\nabc\r\n0\r\n\r\n")),
        chunked("3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nHost: evil\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nX : y\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nX: y\n\r\n"),
        chunked("3\r\nabc\r\n0\r\nno colon\r\n\r\n"),
        chunked("3\r\nabc\r\n0\r\n X: y\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn request_lines_with_a_choice_are_refused() {
    let long = format!("GET /api/v1/open/{} HTTP/1.1", "a".repeat(70_000));
    refused(vec![
        line("GET /api/v1/open/x"),
        line("GET /api/v1/open/x HTTP/0.9"),
        line("GET /api/v1/open/x HTTP/1.2"),
        line("GET /api/v1/open/x HTTP/2.0"),
        line("GET /api/v1/open/x HTTP/9.9"),
        line("GET /api/v1/open/x HTTP/1.10"),
        line("GET /api/v1/open/x HTTP/01.1"),
        line("GET /api/v1/open/x http/1.1"),
        line("GET /api/v1/open/x HTTP/1.1 "),
        line("GET /api/v1/open/x  HTTP/1.1"),
        line("GET /api/v1/open/x\tHTTP/1.1"),
        line("GET /api/v1/open/x HTTP/1.1 HTTP/1.1"),
        line("GET  /api/v1/open/x HTTP/1.1"),
        line("GET\t/api/v1/open/x HTTP/1.1"),
        line(" GET /api/v1/open/x HTTP/1.1"),
        line("\tGET /api/v1/open/x HTTP/1.1"),
        line("GET /api/v1/open/x y HTTP/1.1"),
        line("G\0T /api/v1/open/x HTTP/1.1"),
        line("GE:T /api/v1/open/x HTTP/1.1"),
        line("/api/v1/open/x HTTP/1.1"),
        line("GET HTTP/1.1"),
        line("GET api/v1/open/x HTTP/1.1"),
        line("GET ?x HTTP/1.1"),
        line("GET * HTTP/1.1"),
        line("OPTIONS * HTTP/1.1"),
        line("TRACE /api/v1/open/x HTTP/1.1"),
        line("CONNECT stoa:80 HTTP/1.1"),
        line("CONNECT /api/v1/open/x HTTP/1.1"),
        line("PRI * HTTP/2.0"),
        line("GET /api/v1/open/x#y HTTP/1.1"),
        line("GET /api/v1/open/x#/../../internal HTTP/1.1"),
        line("GET /api/v1/open/\u{e9} HTTP/1.1"),
        line("GET /api/v1/open/x?\u{ff0f} HTTP/1.1"),
        line("GET /api/v1/open/\0 HTTP/1.1"),
        line("GET /api/v1/open/\u{1b} HTTP/1.1"),
        line("GET /api/v1/open/\u{7f} HTTP/1.1"),
        line("GET /api/v1/open/x\r HTTP/1.1"),
        line("GET /api/v1/open/%0d%0aX:%20y HTTP/1.1"),
        line("GET /api/v1/open/%00 HTTP/1.1"),
        line("GET /api/v1/open/%0a HTTP/1.1"),
        line("GET /api/v1/open/%2f HTTP/1.1"),
        line("GET /api/v1/open/%2e%2e/x HTTP/1.1"),
        line("GET /api/v1/open/%zz HTTP/1.1"),
        line("GET /api/v1/open\\x HTTP/1.1"),
        line("GET //stoa/api/v1/open/x HTTP/1.1"),
        line("GET ftp://stoa/api/v1/open/x HTTP/1.1"),
        line("GET http://evil/api/v1/open/x HTTP/1.1"),
        line("GET http://user@stoa/api/v1/open/x HTTP/1.1"),
        line("GET http:/api/v1/open/x HTTP/1.1"),
        line("GET http://stoa:80:80/api/v1/open/x HTTP/1.1"),
        line("\n\nGET /api/v1/open/x HTTP/1.1"),
        line("\r\n\r\nGET /api/v1/open/x HTTP/1.1"),
        line(&long),
    ])
    .await;
}

#[tokio::test]
async fn headers_with_a_choice_are_refused() {
    let many = vec!["X: y"; 90].join("\r\n");
    let huge = "a".repeat(20_000);
    refused(vec![
        get("X: y"),
        get("Host: stoa\r\nHost: stoa"),
        get("Host: stoa\r\nhost: evil"),
        get("Host:"),
        get("Host: stoa, evil"),
        get("Host: stoa evil"),
        get("Host: user@stoa"),
        get("Host: stoa/x"),
        get("Host: stoa\\x"),
        get("Host: st\u{f6}a"),
        get("Host : stoa"),
        get(" Host: stoa"),
        get("Host: stoa\r\nX: y\r\n z"),
        get("Host: stoa\r\nX: y\r\n\tz"),
        get("Host: stoa\r\nX y"),
        get("Host: stoa\r\n: y"),
        get("Host: stoa\r\nX Y: z"),
        get("Host: stoa\r\nX\0: y"),
        get("Host: stoa\r\nX: y\0z"),
        get("Host: stoa\r\nX: y\u{1}z"),
        get("Host: stoa\r\nX: y\u{7f}z"),
        get("Host: stoa\r\nX: y\rz: a"),
        get("Host: stoa\r\nX(: y"),
        get("Host: stoa\r\nX\u{e9}: y"),
        get("Host: stoa\nX: y"),
        get("Host: stoa\r\nX: y\nZ: a"),
        get("Host: stoa\r\rX: y"),
        b"GET /api/v1/open/x HTTP/1.1\nHost: stoa\n\n".to_vec(),
        b"GET /api/v1/open/x HTTP/1.1\nHost: stoa\r\n\r\n".to_vec(),
        b"GET /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n\n".to_vec(),
        b"GET /api/v1/open/x HTTP/1.1\r\nHost: stoa\n\r\n".to_vec(),
        get("Host: stoa\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b"),
        get("Host: stoa\r\nConnection: content-length"),
        get("Host: stoa\r\nConnection: close, Transfer-Encoding"),
        get("Host: stoa\r\nConnection: host"),
        get("Host: stoa\r\nConnection: keep-alive\r\nConnection: authorization"),
        get("Host: stoa\r\nConnection: x-forwarded-for"),
        get("Host: stoa\r\nExpect: 200-ok"),
        get("Host: stoa\r\nExpect: 100-continue, x"),
        get("Host: stoa\r\nContent-Length: 3"),
        get("Host: stoa\r\nTransfer-Encoding: chunked"),
        get(&format!("Host: stoa\r\n{many}")),
        get(&format!("Host: stoa\r\nX: {huge}")),
        get(&format!("Host: stoa\r\n{huge}: x")),
    ])
    .await;
}

#[tokio::test]
async fn too_much_head_is_said_to_be_too_much() {
    let world = World::with(&SETTINGS).await;
    let many = vec!["X: y"; 90].join("\r\n");
    let large = vec![format!("X: {}", "a".repeat(1000)); 20].join("\r\n");
    for headers in [many, large] {
        let answer = world
            .exchange(&get(&format!("Host: stoa\r\n{headers}")))
            .await;
        assert_eq!(statuses(&answer), [431]);
    }
    let few = vec!["X: y"; 80].join("\r\n");
    let answer = world.exchange(&get(&format!("Host: stoa\r\n{few}"))).await;
    assert_eq!(statuses(&answer), [200], "{answer}");
}

/// Unusual, and there is only one way to read it.
#[tokio::test]
async fn what_is_only_unusual_comes_through_once() {
    let chunked = |body: &str| post(&format!("Transfer-Encoding: chunked\r\n\r\n{body}"));
    let cases = [
        (
            post("Content-Length: 3\r\n\r\nabc"),
            "POST /api/v1/open/x 3",
        ),
        (post("Content-Length:3\r\n\r\nabc"), "POST /api/v1/open/x 3"),
        (
            post("Content-Length: 003\r\n\r\nabc"),
            "POST /api/v1/open/x 3",
        ),
        (post("Content-Length: 0\r\n\r\n"), "POST /api/v1/open/x 0"),
        (post("\r\n"), "POST /api/v1/open/x 0"),
        (
            post("Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"),
            "POST /api/v1/open/x 3",
        ),
        (
            post("Content-Length: 5\r\n\r\na\nb\r\n"),
            "POST /api/v1/open/x 5",
        ),
        (chunked("3\r\nabc\r\n0\r\n\r\n"), "POST /api/v1/open/x 3"),
        (
            chunked("3;a=b\r\nabc\r\n000\r\nX: y\r\n\r\n"),
            "POST /api/v1/open/x 3",
        ),
        (
            chunked("A\r\n0\r\n\r\nGET /\r\n0\r\n\r\n"),
            "POST /api/v1/open/x 10",
        ),
        (
            post("TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n"),
            "POST /api/v1/open/x 0",
        ),
        (
            line("\r\nGET /api/v1/open/x HTTP/1.1"),
            "GET /api/v1/open/x 0",
        ),
        (
            line("GET http://stoa/api/v1/open/x HTTP/1.1"),
            "GET /api/v1/open/x 0",
        ),
        (line("GET http://stoa?x=1 HTTP/1.1"), "GET /?x=1 0"),
        (line("GET http://stoa HTTP/1.1"), "GET / 0"),
        (
            line("GET /api/v1/open/x?a=%0d%0ab HTTP/1.1"),
            "GET /api/v1/open/x?a=%0d%0ab 0",
        ),
        (
            line("DELETE /api/v1/open/x HTTP/1.1"),
            "DELETE /api/v1/open/x 0",
        ),
        (get("Host: STOA:80"), "GET /api/v1/open/x 0"),
        (get("Host: [::1]:80"), "GET /api/v1/open/x 0"),
        (get("Host: stoa\r\nX: \u{e9}"), "GET /api/v1/open/x 0"),
        (
            get("Host: stoa\r\nContent_Length: 3"),
            "GET /api/v1/open/x 0",
        ),
        (
            get("Host: stoa\r\nContent-Length: 0"),
            "GET /api/v1/open/x 0",
        ),
        (
            get(
                "Host: stoa\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
            ),
            "GET /api/v1/open/x 0",
        ),
        (
            b"GET /api/v1/open/x HTTP/1.0\r\n\r\n".to_vec(),
            "GET /api/v1/open/x 0",
        ),
    ];
    for (request, expected) in cases {
        let world = World::with(&SETTINGS).await;
        let answer = world.exchange(&request).await;
        let name = request.escape_ascii();
        assert_eq!(statuses(&answer).last(), Some(&200), "{name}: {answer}");
        assert_eq!(world.upstream.complete(), [expected], "{name}");
    }
}

/// The service hears of a body as the client did: a length stays a length, none stays none.
#[tokio::test]
async fn a_length_stays_a_length() {
    let world = World::with(&SETTINGS).await;
    let told = world.exchange(&post("Content-Length: 3\r\n\r\nabc")).await;
    assert!(told.contains(r#""content-length":"3""#), "{told}");
    let told = world.exchange(&get("Host: stoa")).await;
    assert!(!told.contains("transfer-encoding"), "{told}");
}

#[tokio::test]
async fn a_good_request_before_a_doubtful_one_is_answered() {
    let world = World::with(&SETTINGS).await;
    let doubtful = "POST /api/v1/open/y HTTP/1.1\r\nHost: stoa\r\nContent-Length: 3\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let good = post("Content-Length: 3\r\n\r\nabc");
    let bytes = [&good, doubtful.as_bytes(), SMUGGLED.as_bytes()].concat();
    let answer = world.exchange(&bytes).await;
    assert_eq!(statuses(&answer), [200, 400]);
    assert_eq!(world.upstream.complete(), ["POST /api/v1/open/x 3"]);
}
