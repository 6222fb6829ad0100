//! Our reader of requests beside that of a widely used server: what ours takes, the other takes too, and as the same
//! requests with the same bodies.

use bytes::Bytes;
use gateway::framing::{Piece, Reader};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt as _;

/// Requests of every kind, with something behind each that must not be read as a part of it.
const GOOD: &str = "POST /a?b=c HTTP/1.1\r\nHost: b\r\nContent-Length: 12\r\nX-A: 1\r\n\r\nGET / HTTP/1\
    GET /d HTTP/1.1\r\nHost: b\r\nConnection: keep-alive, x\r\nX-B: \t v \r\n\r\n\
    PUT /c HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n\
    5;x=1\r\nab\ncd\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n\
    DELETE /e HTTP/1.1\r\nHost: b\r\n\r\n";

/// What changes something about framing.
const LINES: [&str; 16] = [
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 3, 3\r\n",
    "Content-Length : 3\r\n",
    "Content-Length:\t3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding:\x0bchunked\r\n",
    " folded: x\r\n",
    "\r\n",
    "\n",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "X: y\rZ: z\r\n",
    "Host: b\r\n",
];

type Told = Vec<(String, String, Vec<u8>)>;

/// The whole requests before the first doubt.
fn ours(bytes: &[u8]) -> Told {
    let mut reader = Reader::default();
    reader.feed(bytes);
    let mut told = Told::new();
    while let Ok(Some(head)) = reader.head() {
        let mut body = Vec::new();
        loop {
            match reader.piece() {
                Ok(Piece::Data(data)) => body.extend_from_slice(&data),
                Ok(Piece::End) => break,
                Ok(Piece::Awaited) | Err(_) => return told,
            }
        }
        let (method, uri) = (head.request.method(), head.request.uri());
        told.push((method.to_string(), uri.to_string(), body));
        if !head.keeps {
            break;
        }
    }
    told
}

async fn theirs(bytes: &[u8]) -> Told {
    let told = Arc::new(Mutex::new(Told::new()));
    let seen = Arc::clone(&told);
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let request = (parts.method.to_string(), parts.uri.to_string());
                let body = body.to_bytes().to_vec();
                seen.lock()
                    .expect("nobody panicked")
                    .push((request.0, request.1, body));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(bytes).await.expect("room");
    client.shutdown().await.expect("an end");
    let mut builder = http1::Builder::new();
    // What it makes of a malformed rest is not asked here.
    let _ = builder
        .half_close(true)
        .serve_connection(TokioIo::new(server), service)
        .await;
    let told = told.lock().expect("nobody panicked");
    told.clone()
}

fn compare(bytes: &[u8]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let theirs = runtime.expect("a runtime").block_on(theirs(bytes));
    let ours = ours(bytes);
    let same = theirs.get(..ours.len());
    prop_assert_eq!(Some(ours.as_slice()), same, "{}", bytes.escape_ascii());
    Ok(())
}

#[test]
fn all_good_requests_are_the_same_to_both() {
    assert_eq!(ours(GOOD.as_bytes()).len(), 4);
    compare(GOOD.as_bytes()).expect("the same");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_ours_takes_of_changed_requests_the_other_takes_as_the_same(
        changes in proptest::collection::vec((0..GOOD.len(), any::<u8>()), 1..3),
        lines in proptest::collection::vec((0..GOOD.len(), 0..LINES.len()), 0..3),
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        for (at, line) in lines {
            // Behind the next line end, where such a line would stand.
            let end = bytes[at..].windows(2).position(|pair| pair == b"\r\n");
            let at = end.map_or(at, |end| at + end + 2);
            bytes.splice(at..at, LINES[line].bytes());
        }
        compare(&bytes)?;
    }
}
