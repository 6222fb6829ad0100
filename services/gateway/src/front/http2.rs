//! HTTP/2 toward clients, by a library.

use super::Lane;
use super::http1::Link;
use super::streams::Streams;
use crate::body::{Given, Received};
use crate::exchange::{self, From};
use crate::framing;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderValue};
use http::{Method, Response};
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Connections that are silent for longer than this are asked whether they are there.
const PING: Duration = Duration::from_mins(1);
/// How long a client may take to read the last answer, and to notice that it is.
const LINGER: Duration = Duration::from_secs(2);
/// As many as RFC 9113 recommends to allow at least (6.5.2), for each of them holds memory.
const STREAMS: u32 = 100;
/// What the library takes of an answer that its client does not read, beyond the piece that it began with: a frame.
const SEND_BUFFER: usize = 16 << 10;

/// Serves a connection whose first lines have come, to its end.
pub(super) async fn serve(lane: Arc<Lane>, link: Link, from: From) {
    let shutdown = lane.shutdown.clone();
    let patience = lane.gateway.head_timeout;
    let streams = Streams::new(lane.gateway.body_idle, lane.gateway.unsent.clone());
    let own = streams.clone();
    let service = service_fn(move |request| {
        let (lane, streams) = (Arc::clone(&lane), own.clone());
        async move {
            let mut request: Request<Incoming> = request;
            as_http1(&mut request);
            let is_head = *request.method() == Method::HEAD;
            let request = request.map(Received::Http2);
            let (mut answer, added) = exchange::answer(&lane, from, request).await;
            added.add_to(answer.headers_mut());
            let answer = if is_head { bare(answer) } else { answer };
            Ok::<_, Infallible>(answer.map(|body| streams.offer(body)))
        }
    });
    let mut connection = pin!(builder(&streams).serve_connection(TokioIo::new(link), service));
    let end = async {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = streams.gone_for(patience) => {}
        }
    };
    let ended = tokio::select! {
        // First, so that a request which has arrived is seen before the end is.
        biased;
        ended = &mut connection => ended,
        () = end => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                // Who does not take part in the end is left behind.
                () = streams.gone_for(LINGER) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        // Clients break off; that is no event for an operator.
        tracing::debug!(%error, "a connection broke off");
    }
}

fn builder(streams: &Streams) -> Builder<Streams> {
    let mut builder = Builder::new(streams.clone());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(framing::LARGEST_HEAD).unwrap_or(u32::MAX));
    builder
}

/// Where HTTP/2 says the same in other fields: the host, and cookies one by one (RFC 9113, 8.2.3 and 8.3.1).
fn as_http1<B>(request: &mut Request<B>) {
    let authority = request.uri().authority();
    let host = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let headers = request.headers_mut();
    if let (None, Some(host)) = (headers.get(HOST), host) {
        headers.insert(HOST, host);
    }
    let mut cookies = headers.get_all(COOKIE).iter();
    if let (Some(first), true) = (cookies.next(), cookies.next().is_some()) {
        let mut joined = first.as_bytes().to_vec();
        for cookie in headers.get_all(COOKIE).iter().skip(1) {
            joined.extend_from_slice(b"; ");
            joined.extend_from_slice(cookie.as_bytes());
        }
        let joined = HeaderValue::from_bytes(&joined);
        headers.insert(COOKIE, joined.expect("values of a header, and a separator"));
    }
}

/// The head of an answer, which still tells how long the body would be: the library sends one to a HEAD, too.
fn bare(answer: Response<Given>) -> Response<Given> {
    let (mut parts, body) = answer.into_parts();
    if let Some(length @ 1..) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Given::whole(Bytes::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::unsent::Unsent;
    use futures_util::stream;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::AsyncWriteExt as _;
    use tokio::time::timeout;

    #[test]
    fn the_host_and_the_cookies_stand_where_all_else_looks_for_them() {
        let request = Request::get("https://stoa.example/x");
        let request = request.header(COOKIE, "a=1").header(COOKIE, "b=2");
        let mut request = request.body(()).unwrap();
        as_http1(&mut request);
        assert_eq!(request.headers()[HOST], "stoa.example");
        assert_eq!(request.headers()[COOKIE], "a=1; b=2");
        assert_eq!(request.headers().get_all(COOKIE).iter().count(), 1);
    }

    #[test]
    fn a_head_tells_of_its_body_and_has_none() {
        let answer = Response::new(Given::whole("four".into()));
        let answer = bare(answer);
        assert_eq!(answer.headers()[CONTENT_LENGTH], "4");
        assert!(answer.body().is_end_stream());
    }

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// Windows as large as there may be, of the streams and of the connection; and a request for `/`.
    const GREEDY: &[&[u8]] = &[
        PREFACE,
        b"\0\0\x06\x04\0\0\0\0\0\0\x04\x7F\xFF\xFF\xFF",
        b"\0\0\x04\x08\0\0\0\0\0\x7F\xFF\0\0",
        b"\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84",
    ];

    #[tokio::test(start_paused = true)]
    async fn little_is_held_of_an_answer_that_its_client_does_not_read() {
        let (mut client, server) = tokio::io::duplex(1 << 10);
        let piece = Bytes::from_static(&[7; 4 << 10]);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let service = service_fn(move |_| {
            let (piece, count) = (piece.clone(), Arc::clone(&count));
            let pieces = stream::repeat_with(move || {
                count.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(piece.clone())
            });
            let body = axum::body::Body::from_stream(pieces);
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        let streams = Streams::new(Duration::from_mins(1), Unsent::default());
        let _greedy = client.write_all(&GREEDY.concat()).await;
        let _all_that_it_does = timeout(
            Duration::from_secs(1),
            builder(&streams).serve_connection(TokioIo::new(server), service),
        )
        .await;
        let asked = asked.load(Ordering::Relaxed);
        assert!((4..10).contains(&asked), "{asked} pieces");
    }
}
