//! A TCP proxy between the product and a server, whose connections a test can cut.

use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes bytes on until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    /// Every change ends the connections that there are.
    cuts: watch::Sender<()>,
    listening: JoinHandle<()>,
}

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
        let (cuts, _) = watch::channel(());
        let listening = tokio::spawn(accept(listener, server.clone(), cuts.clone()));
        Self {
            url: through(url, &server, address),
            cuts,
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
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.listening.abort();
    }
}

async fn accept(listener: TcpListener, server: String, cuts: watch::Sender<()>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (server, mut cut) = (server.clone(), cuts.subscribe());
        tokio::spawn(async move {
            let Ok(mut upstream) = TcpStream::connect(&server).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut upstream) => {},
                _ = cut.changed() => {},
            }
        });
    }
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
}
