//! Asks what a client would ask, at the addresses where clients come in: that every task is healthy does not say that
//! one finds the other.

use anyhow::Context as _;
use futures_util::future::try_join_all;
use reqwest::{Certificate, Client, Url};
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::task::spawn_blocking;
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

/// Asks every path of the stacks at every address of the cluster, and where one is a name, at every address that it has.
/// An address that takes no connection may be that of a node that is down: it is named, and the others count; but one
/// must answer.
pub(super) async fn clients_are_served(site: &Site, stacks: &[StackRecord]) -> Result<(), Cause> {
    let paths: Vec<_> = stacks.iter().flat_map(paths).collect();
    let addresses = &site.cluster.addresses;
    if paths.is_empty() || addresses.is_empty() {
        return Ok(());
    }
    site.progress.step("ask as a client");
    let authorities = site.cluster.authorities()?;
    let answers = addresses
        .iter()
        .map(|address| ask_everywhere(&authorities, address, &paths));
    let answers: Vec<_> = try_join_all(answers).await?.into_iter().flatten().collect();
    let mut silent = 0;
    for (place, refusal) in answers.iter().flatten() {
        match refusal {
            Refusal::Answer(answer) => {
                let detail = format!("{place}: {answer}");
                return Err(Cause::new(CauseKind::NotServed, detail));
            }
            Refusal::Silence(error) | Refusal::NoRoute(error) => {
                site.progress.line(&format!("{place}: {error}"));
                silent += 1;
            }
        }
    }
    if silent < answers.len() {
        return Ok(());
    }
    let detail = format!("nothing answers at {}", addresses.join(", "));
    Err(Cause::new(CauseKind::NotServed, detail))
}

/// What was refused and where, if anything was.
type Refused = Option<(String, Refusal)>;

/// Asks every path wherever an address of the cluster leads: at itself, or at all that its name has.
async fn ask_everywhere(
    authorities: &[Certificate],
    address: &str,
    paths: &[&str],
) -> anyhow::Result<Vec<Refused>> {
    let root = Url::parse(&url(address, "/")).with_context(|| format!("`{address}`"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match places(root.clone()).await {
            Ok(places) => return ask_at(authorities, &root, places, paths).await,
            Err(error) if Instant::now() >= deadline => {
                let refusal = Refusal::Silence(error.to_string());
                return Ok(vec![Some((address.to_owned(), refusal))]);
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn places(url: Url) -> anyhow::Result<BTreeSet<IpAddr>> {
    let found = spawn_blocking(move || url.socket_addrs(|| None)).await??;
    Ok(found.iter().map(SocketAddr::ip).collect())
}

/// Asks every path at each of these places, as a client does that the URL has led there.
async fn ask_at(
    authorities: &[Certificate],
    url: &Url,
    places: BTreeSet<IpAddr>,
    paths: &[&str],
) -> anyhow::Result<Vec<Refused>> {
    let answers = places.into_iter().map(async |place| {
        let client = client(authorities.to_vec(), url.domain(), place)?;
        let refused = ask_all(&client, url.as_str(), paths).await;
        let at = url.domain().map(|_| format!(" at {place}"));
        let at = at.unwrap_or_default();
        anyhow::Ok(refused.map(|(url, refusal)| (format!("{url}{at}"), refusal)))
    });
    try_join_all(answers).await
}

/// Who asks, and what it trusts besides what this machine does. To this one a name means the place alone.
fn client(
    authorities: Vec<Certificate>,
    name: Option<&str>,
    place: IpAddr,
) -> anyhow::Result<Client> {
    let mut builder = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .tls_certs_merge(authorities)
        .no_proxy();
    if let Some(name) = name {
        // The port is that of the URL.
        builder = builder.resolve(name, SocketAddr::new(place, 0));
    }
    Ok(builder.build()?)
}

/// Asks every path at one place, and returns the first that was refused.
async fn ask_all(client: &Client, address: &str, paths: &[&str]) -> Refused {
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
    /// Nobody was asked: this machine is not in the network of the place, as with an address of IPv6.
    NoRoute(String),
    /// Somebody did, and this came of it.
    Answer(String),
}

async fn ask_until(client: &Client, url: &str, patience: Duration) -> Result<(), Refusal> {
    let deadline = Instant::now() + patience;
    loop {
        match ask(client, url).await {
            Ok(()) => return Ok(()),
            Err(refusal @ Refusal::NoRoute(_)) => return Err(refusal),
            Err(refusal) if Instant::now() >= deadline => return Err(refusal),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn ask(client: &Client, url: &str) -> Result<(), Refusal> {
    let response = client.get(url).send().await.map_err(|error| {
        // Who shows a certificate, even a wrong one, is there.
        let is_silence = error.is_connect() && !comes_from(&error, is_of_tls);
        let has_no_route = comes_from(&error, is_no_route);
        let text = format!("{:#}", anyhow::Error::from(error.without_url()));
        match (has_no_route, is_silence) {
            (true, _) => Refusal::NoRoute(text),
            (false, true) => Refusal::Silence(text),
            (false, false) => Refusal::Answer(text),
        }
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Refusal::Answer(status.to_string()))
}

/// Whether an error, or one of its causes, is one of these.
fn comes_from(error: &(dyn Error + 'static), these: fn(&(dyn Error + 'static)) -> bool) -> bool {
    if these(error) {
        return true;
    }
    // An I/O error does not name as its source what it is made of.
    let within = error.downcast_ref().and_then(io::Error::get_ref);
    match within {
        Some(within) => comes_from(within, these),
        None => error
            .source()
            .is_some_and(|source| comes_from(source, these)),
    }
}

/// Whether it is about what the two said to each other of TLS.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    error.is::<rustls::Error>()
}

fn is_no_route(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NetworkUnreachable)
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
mod tests;
