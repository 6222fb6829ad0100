//! What a request takes of a service.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(10);
const BEGUN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun";

/// A service that never ends an answer.
async fn slow_service() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(BEGUN).await.unwrap();
            open.push(stream);
        }
    });
    url
}

fn get() -> Request {
    Request {
        method: Method::GET,
        path: "/".into(),
        headers: HeaderMap::new(),
        body: None,
    }
}

#[tokio::test]
async fn who_is_slow_to_read_an_answer_takes_no_place_of_another() {
    let url = slow_service().await;
    let mut upstream = Upstream::new("slow", &url, Resolver::dns()).unwrap();
    upstream.endpoints = upstream.endpoints.limited(1, 0);
    let pool = Pool::default();
    let first = upstream.exchange(&pool, get(), SOON).await;
    assert!(matches!(first.as_ref().unwrap().rest, Rest::Streamed(_)));
    let second = upstream.exchange(&pool, get(), SOON).await;
    assert_eq!(second.unwrap().head.status(), StatusCode::OK);
    drop(first);
}
