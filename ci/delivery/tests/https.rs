//! HTTPS at the edge of a cluster. This repository's own platform must run on production
//! (`make deploy CLUSTER=production`).

use anyhow::{Context as _, Result, ensure};
use delivery::{Https, Platform};
use load::HOST;
use reqwest::tls::{TlsInfo, Version as Tls};
use reqwest::{Client, Response, StatusCode, Version};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::sleep;

const RATE: u32 = 30;
const CONVERSATIONS: u32 = 4;
const JOBS: u32 = 1;
/// With nothing going on, so that clients have the connections that the edge is going to end.
const QUIET: Duration = Duration::from_secs(15);
/// A deploy that replaces the edge of three nodes, one after the other, half a minute each.
const GOOD: Duration = Duration::from_mins(5);
/// What is refused is refused before anything is touched.
const REFUSED: Duration = Duration::from_mins(1);
const EDGE: &str = "edge_edge";

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_at_every_node_and_a_new_certificate_costs_no_request() -> Result<()> {
    // The load finds the provider installed: just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let platform = Platform::on("production")?;
    platform.import_demo()?;
    let mut https = Https::prepare(platform)?;
    a_key_of_another_certificate_is_refused(&https)?;

    let first = https.pair()?;
    https
        .deploy(&first.certificate, &first.key)?
        .exits(0)
        .says("ask as a client")
        .within(GOOD);
    for node in https.nodes() {
        speaks_https(&https, *node).await?;
        tells_where_https_is(&https, *node).await?;
        assert_eq!(shown(&https, *node).await?, first.shown, "{node}");
    }
    rotate(&https).await?;

    https.put_back()?.exits(0).within(GOOD);
    for node in https.nodes() {
        let client = https.client(*node)?.build()?;
        let answer = get(&client, "http", ":8080/").await?;
        assert_eq!(answer.status(), StatusCode::OK, "{node}");
        takes_nothing(&client, "https", "/").await;
    }
    Ok(())
}

/// Before the cluster hears of it.
fn a_key_of_another_certificate_is_refused(https: &Https) -> Result<()> {
    let state = || -> Result<_> {
        let platform = https.platform();
        Ok((platform.history()?, platform.running_tasks()?))
    };
    let (before, pair, other) = (state()?, https.pair()?, https.pair()?);
    let run = https.deploy(&pair.certificate, &other.key)?;
    ensure!(run.code != 0, "it was taken:\n{}", run.output);
    run.says("edge_key does not fit the first certificate of edge_certificate")
        .within(REFUSED);
    assert_eq!(state()?, before);
    Ok(())
}

/// TLS 1.3 with HTTP/2, or HTTP/1.1 for who speaks no other; and browsers hear that they are to come by HTTPS alone.
async fn speaks_https(https: &Https, node: IpAddr) -> Result<()> {
    let client = https.client(node)?.build()?;
    let answer = get(&client, "https", "/").await?;
    assert_eq!(answer.status(), StatusCode::OK, "{node}");
    assert_eq!(answer.version(), Version::HTTP_2, "{node}");
    let told = &answer.headers()["strict-transport-security"];
    assert!(told.to_str()?.starts_with("max-age=31536000"), "{told:?}");

    let older = https.client(node)?.http1_only().build()?;
    let answer = get(&older, "https", "/").await?;
    assert_eq!(answer.status(), StatusCode::OK, "{node}");
    assert_eq!(answer.version(), Version::HTTP_11, "{node}");
    let too_old = https.client(node)?.tls_version_max(Tls::TLS_1_2);
    takes_nothing(&too_old.build()?, "https", "/").await;
    Ok(())
}

/// Who comes without TLS gets nothing but that and whether the edge is well.
async fn tells_where_https_is(https: &Https, node: IpAddr) -> Result<()> {
    let client = https.client(node)?.build()?;
    let told = get(&client, "http", "/api/v1/me?x=1").await?;
    assert_eq!(told.status(), StatusCode::PERMANENT_REDIRECT, "{node}");
    let location = told.headers()["location"].to_str()?;
    assert_eq!(location, format!("https://{HOST}/api/v1/me?x=1"), "{node}");
    let health = get(&client, "http", "/edge/healthz").await?;
    assert_eq!(health.status(), StatusCode::OK, "{node}");
    takes_nothing(&client, "http", ":8080/").await;
    Ok(())
}

/// A new certificate is a rotated secret: the edges alone are replaced, one after the other, and clients, who are on
/// HTTP/2 and WebSockets, notice nothing.
async fn rotate(https: &Https) -> Result<()> {
    let (others, second) = (others(https)?, https.pair()?);
    let load = https.load(RATE, CONVERSATIONS, JOBS).await?;
    load.phase("nothing");
    sleep(QUIET).await;
    load.phase("a new certificate");
    let run = https.deploy(&second.certificate, &second.key);
    let report = load.stop().await?;
    eprintln!("{report}");
    run?.exits(0).within(GOOD);
    assert_eq!(report.failures(), 0, "{report}");

    for node in https.nodes() {
        assert_eq!(shown(https, *node).await?, second.shown, "{node}");
    }
    assert_eq!(self::others(https)?, others, "more than the edges");
    let tasks = https.platform().tasks_of(EDGE)?;
    assert_eq!(tasks.len(), https.nodes().len(), "{tasks:?}");
    for pair in tasks.windows(2) {
        assert!(pair[0].since <= pair[1].made, "two at a time: {tasks:?}");
    }
    Ok(())
}

/// The tasks that are not the edge's.
fn others(https: &Https) -> Result<Vec<String>> {
    let mut tasks = https.platform().running_tasks()?;
    let edges = https.platform().tasks_of(EDGE)?;
    // One is listed by the beginning of its id.
    tasks.retain(|task| !edges.iter().any(|edge| edge.id.starts_with(task)));
    Ok(tasks)
}

/// The certificate that a new connection to a node gets.
async fn shown(https: &Https, node: IpAddr) -> Result<Vec<u8>> {
    let answer = get(&https.client(node)?.build()?, "https", "/").await?;
    let tls = answer.extensions().get::<TlsInfo>();
    let shown = tls.and_then(TlsInfo::peer_certificate);
    Ok(shown.context("no certificate")?.to_owned())
}

async fn get(client: &Client, scheme: &str, rest: &str) -> Result<Response> {
    Ok(client.get(url(scheme, rest)).send().await?)
}

/// Fails unless no connection comes about.
async fn takes_nothing(client: &Client, scheme: &str, rest: &str) {
    let sent = client.get(url(scheme, rest)).send().await;
    let refused = sent.as_ref().is_err_and(reqwest::Error::is_connect);
    assert!(refused, "{}: {sent:?}", url(scheme, rest));
}

/// `rest` is what follows the name.
fn url(scheme: &str, rest: &str) -> String {
    format!("{scheme}://{HOST}{rest}")
}
