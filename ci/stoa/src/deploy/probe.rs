//! Asks what a client would ask, at the addresses where clients come in: that every task is healthy does not say that
//! one finds the other.

use futures_util::future::join_all;
use reqwest::{Certificate, Client};
use serde_json::Value;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep};

use super::cause::{Cause, CauseKind};
use super::site::Site;
use crate::release::StackRecord;
use crate::render::PROBES;

/// How long one answer, and one connection, may take.
const ANSWER: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
/// How long the edge has to find services that have just become healthy.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(500);

/// Asks every path of the stacks at every address of the cluster. An address that takes no connection may be that of a
/// node that is down: it is named, and the others count; but one must answer.
pub(super) async fn clients_are_served(site: &Site, stacks: &[StackRecord]) -> Result<(), Cause> {
    let paths: Vec<_> = stacks.iter().flat_map(paths).collect();
    let addresses = &site.cluster.addresses;
    if paths.is_empty() || addresses.is_empty() {
        return Ok(());
    }
    site.progress.step("ask as a client");
    let client = client(site.cluster.authorities()?)?;
    let answers = addresses
        .iter()
        .map(|address| ask_all(&client, address, &paths));
    let mut silent = 0;
    for (url, answer) in join_all(answers).await.into_iter().flatten() {
        match answer {
            Refusal::Answer(answer) => {
                let detail = format!("{url}: {answer}");
                return Err(Cause::new(CauseKind::NotServed, detail));
            }
            Refusal::Silence(error) => {
                site.progress.line(&format!("{url}: {error}"));
                silent += 1;
            }
        }
    }
    if silent < addresses.len() {
        return Ok(());
    }
    let detail = format!("nothing answers at {}", addresses.join(", "));
    Err(Cause::new(CauseKind::NotServed, detail))
}

/// Who asks, and what it trusts besides what this machine does.
fn client(authorities: Vec<Certificate>) -> anyhow::Result<Client> {
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .tls_certs_merge(authorities)
        .no_proxy()
        .build();
    Ok(client?)
}

/// Asks every path at one address, and returns the first that was refused.
async fn ask_all(client: &Client, address: &str, paths: &[&str]) -> Option<(String, Refusal)> {
    for path in paths {
        let url = url(address, path);
        if let Err(refusal) = ask_until(client, &url, PATIENCE).await {
            return Some((url, refusal));
        }
    }
    None
}

/// Why a path was not served.
#[derive(Debug)]
enum Refusal {
    /// Nobody took the connection.
    Silence(String),
    /// Somebody did, and this came of it.
    Answer(String),
}

async fn ask_until(client: &Client, url: &str, patience: Duration) -> Result<(), Refusal> {
    let deadline = Instant::now() + patience;
    loop {
        match ask(client, url).await {
            Ok(()) => return Ok(()),
            Err(refusal) if Instant::now() >= deadline => return Err(refusal),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn ask(client: &Client, url: &str) -> Result<(), Refusal> {
    let response = client.get(url).send().await.map_err(|error| {
        // Who shows a certificate, even a wrong one, is there.
        let is_silence = error.is_connect() && !is_of_tls(&error);
        let text = format!("{:#}", anyhow::Error::from(error.without_url()));
        if is_silence {
            Refusal::Silence(text)
        } else {
            Refusal::Answer(text)
        }
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Refusal::Answer(status.to_string()))
}

/// Whether what went wrong is what the two said to each other of TLS.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    // An I/O error does not name as its source what it is made of.
    let within = error.downcast_ref().and_then(io::Error::get_ref);
    match within {
        Some(within) => is_of_tls(within),
        None => error.source().is_some_and(is_of_tls),
    }
}

/// The paths that a stack says must be served.
fn paths(stack: &StackRecord) -> impl Iterator<Item = &str> {
    let paths = stack.document[PROBES].as_array().into_iter().flatten();
    paths.filter_map(Value::as_str)
}

/// An address is `host:port`, or a URL where the edge speaks TLS.
fn url(address: &str, path: &str) -> String {
    if address.contains("://") {
        return format!("{}{path}", address.trim_end_matches('/'));
    }
    format!("http://{address}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::generate_simple_self_signed;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use serde_json::json;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

    #[test]
    fn a_stack_names_its_paths_and_a_release_from_before_them_has_none() {
        let stack = |document| StackRecord {
            name: "edge".into(),
            document,
        };
        let with = stack(json!({ PROBES: ["/", "/healthz"] }));
        assert_eq!(paths(&with).collect::<Vec<_>>(), ["/", "/healthz"]);
        assert_eq!(paths(&stack(json!({}))).count(), 0);
    }

    #[test]
    fn an_address_may_say_that_it_speaks_tls() {
        assert_eq!(url("10.0.0.1:8080", "/x"), "http://10.0.0.1:8080/x");
        assert_eq!(url("https://stoa.test/", "/x"), "https://stoa.test/x");
    }

    /// Answers two clients by HTTPS, if they take its certificate.
    fn serve_two(listener: &TcpListener, config: ServerConfig) {
        let config = Arc::new(config);
        for stream in listener.incoming().take(2) {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, stream.unwrap());
            // A client that does not take it is gone before it asks.
            if stream.read(&mut [0; 1024]).is_ok() {
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_certificate_that_is_not_trusted_is_an_answer_and_a_good_one_of_the_clusters_own_authority()
     {
        drop(rustls::crypto::ring::default_provider().install_default());
        let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![own.cert.der().clone()], key);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "https://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let server = std::thread::spawn(move || serve_two(&listener, config.unwrap()));

        let stranger = client(Vec::new()).unwrap();
        let refused = ask_until(&stranger, &url, Duration::ZERO).await;
        let says = |refused: &Refusal| matches!(refused, Refusal::Answer(why) if why.contains("certificate"));
        assert!(refused.as_ref().is_err_and(says), "{refused:?}");
        let authority = Certificate::from_der(own.cert.der()).unwrap();
        let ours = client(vec![authority]).unwrap();
        ask_until(&ours, &url, Duration::ZERO).await.unwrap();
        server.join().unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_comes_late_is_waited_for_and_an_error_is_told_from_silence() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let server = MockServer::start().await;
        let answer =
            |status| Mock::given(matchers::path("/")).respond_with(ResponseTemplate::new(status));
        answer(502).up_to_n_times(1).mount(&server).await;
        answer(204).mount(&server).await;
        let client = Client::new();
        let root = url(&server.uri(), "/");
        ask_until(&client, &root, ANSWER).await.unwrap();

        let wrong = url(&server.uri(), "/nowhere");
        let refused = ask_until(&client, &wrong, Duration::ZERO).await;
        assert!(matches!(refused, Err(Refusal::Answer(answer)) if answer.contains("404")));

        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = closed.local_addr().unwrap().to_string();
        drop(closed);
        let silent = ask_until(&client, &url(&address, "/"), Duration::ZERO).await;
        assert!(matches!(silent, Err(Refusal::Silence(_))), "{silent:?}");
    }
}
