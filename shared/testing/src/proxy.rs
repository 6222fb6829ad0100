//! A TCP proxy between the product and a server, whose connections a test can cut, or hold.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes bytes on until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    /// Every change ends the connections that there are.
    cuts: watch::Sender<()>,
    mode: watch::Sender<Mode>,
    listening: JoinHandle<()>,
}

/// What becomes of bytes and connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Passed,
    Held,
    Refused,
}

/// Bytes that are passed on at a time.
const CHUNK: usize = 16 * 1024;

impl Proxy {
    /// Listens on a free port and passes on to the server of `url` (`scheme://user@host:port/path`).
    pub async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let server = authority(url).to_owned();
        let ((cuts, _), (mode, _)) = (watch::channel(()), watch::channel(Mode::Passed));
        let accepting = accept(listener, server.clone(), cuts.clone(), mode.clone());
        let listening = tokio::spawn(accepting);
        Self {
            url: through(url, &server, address),
            cuts,
            mode,
            listening,
        }
    }

    /// The URL of the server, by way of this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every connection at once, as a network does that fails; new ones are passed on.
    pub fn cut(&self) {
        self.cuts.send_replace(());
    }

    /// Passes nothing on until [`pass`](Self::pass), and ends no connection: neither side is told, as when a cable is
    /// pulled.
    pub fn hold(&self) {
        self.mode.send_replace(Mode::Held);
    }

    /// Ends every connection at once, and every new one until [`pass`](Self::pass), as where no server is.
    pub fn refuse(&self) {
        self.mode.send_replace(Mode::Refused);
        self.cut();
    }

    /// Passes on what was held, and what comes.
    pub fn pass(&self) {
        self.mode.send_replace(Mode::Passed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.listening.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    cuts: watch::Sender<()>,
    mode: watch::Sender<Mode>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *mode.borrow() == Mode::Refused {
            continue;
        }
        let (server, mut cut, mode) = (server.clone(), cuts.subscribe(), mode.subscribe());
        tokio::spawn(async move {
            let Ok(upstream) = TcpStream::connect(&server).await else {
                return;
            };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), upstream.into_split());
            let there = pass_on(from_client, to_server, mode.clone());
            let back = pass_on(from_server, to_client, mode);
            tokio::select! {
                _ = async { tokio::join!(there, back) } => {},
                _ = cut.changed() => {},
            }
        });
    }
}

/// Passes bytes on in one direction, and its end.
async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        // The proxy may be gone; then so are its connections.
        if mode.wait_for(|mode| *mode == Mode::Passed).await.is_err()
            || to.write_all(&chunk[..read]).await.is_err()
        {
            return;
        }
    }
    // The other side may have closed as well.
    let _ = to.shutdown().await;
}

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest[..end]
        .rsplit_once('@')
        .map_or(&rest[..end], |(_, host)| host)
}

fn through(url: &str, server: &str, address: SocketAddr) -> String {
    url.replacen(server, &address.to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_authority_of_a_url_changes() {
        let url = "amqp://guest:secret@rabbit:5672/%2f?heartbeat=5";
        let address = SocketAddr::from(([127, 0, 0, 1], 99));
        assert_eq!(authority(url), "rabbit:5672");
        let through = through(url, authority(url), address);
        assert_eq!(through, "amqp://guest:secret@127.0.0.1:99/%2f?heartbeat=5");
    }

    #[tokio::test]
    async fn passes_bytes_on_until_it_is_cut() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(&format!("tcp://{}", server.local_addr().unwrap())).await;
        let mut client = TcpStream::connect(authority(proxy.url())).await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut received = [0; 5];
        accepted.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"hello");
        proxy.cut();
        assert_eq!(client.read(&mut received).await.unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn holds_bytes_back_until_it_is_told_to_pass_them() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(&format!("tcp://{}", server.local_addr().unwrap())).await;
        let mut client = TcpStream::connect(authority(proxy.url())).await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        proxy.hold();
        client.write_all(b"hello").await.unwrap();
        let mut received = [0; 5];
        let early = accepted.read_exact(&mut received);
        let early = tokio::time::timeout(std::time::Duration::from_millis(100), early).await;
        assert!(early.is_err(), "nothing is passed on");
        proxy.pass();
        accepted.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"hello");
    }
}
