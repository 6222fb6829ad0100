//! How often one may ask.

use crate::support::{World, token, token_in};
use http::{Method, StatusCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stoa_testing::eventually;
use stoa_testing::proxy::Proxy;
use uuid::Uuid;

const FEW: [(&str, &str); 2] = [("RATE_LIMIT_PER_SECOND", "1"), ("RATE_LIMIT_BURST", "3")];

async fn statuses(world: &World, credential: &str, count: usize) -> Vec<StatusCode> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        let request = world.http.get(world.url("/api/v1/closed"));
        let answer = request.header("authorization", credential).send().await;
        statuses.push(answer.expect("an answer").status());
    }
    statuses
}

async fn each_identity_has_its_own_budget(world: &World) {
    for _ in 0..2 {
        let credential = format!("Bearer {}", token(60));
        let statuses = statuses(world, &credential, 4).await;
        assert_eq!(statuses[..3], [StatusCode::OK; 3]);
        assert_eq!(statuses[3], StatusCode::TOO_MANY_REQUESTS);
    }
}

#[tokio::test]
async fn each_identity_has_a_budget_in_this_process() {
    each_identity_has_its_own_budget(&World::with(&FEW).await).await;
}

#[tokio::test]
async fn each_identity_has_a_budget_in_redis_that_replicas_share() {
    let redis = stoa_testing::redis::database().await;
    let settings = [FEW[0], FEW[1], ("REDIS_URL", redis.url.as_str())];
    let (one, other) = (World::with(&settings).await, World::with(&settings).await);
    // A replica that got no answer from Redis in time counts for itself for a second: that must
    // pass, and then one budget holds for both.
    eventually(Duration::from_secs(20), || async {
        let credential = format!("Bearer {}", token(60));
        let first = statuses(&one, &credential, 3).await;
        let next = statuses(&other, &credential, 1).await;
        let shared = first == [StatusCode::OK; 3] && next == [StatusCode::TOO_MANY_REQUESTS];
        shared.then_some(())
    })
    .await;
}

/// Each of two identities asks twice, then a third one, all of one account, which may ask for four; then somebody else.
async fn all_of_an_account(world: &World) -> Vec<StatusCode> {
    let account = Uuid::new_v4();
    let mut answers = Vec::new();
    for count in [2, 2, 1] {
        let credential = format!("Bearer {}", token_in(account));
        answers.extend(statuses(world, &credential, count).await);
    }
    answers.extend(statuses(world, &format!("Bearer {}", token(60)), 1).await);
    answers
}

const OF_ACCOUNTS: [(&str, &str); 2] = [
    ("RATE_LIMIT_ACCOUNT_PER_SECOND", "1"),
    ("RATE_LIMIT_ACCOUNT_BURST", "4"),
];
/// What they hear.
const FOUR_THEN_NONE: [StatusCode; 6] = [
    StatusCode::OK,
    StatusCode::OK,
    StatusCode::OK,
    StatusCode::OK,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::OK,
];

#[tokio::test]
async fn an_account_has_a_budget_for_all_of_its_identities() {
    let world = World::with(&OF_ACCOUNTS).await;
    assert_eq!(all_of_an_account(&world).await, FOUR_THEN_NONE);
}

#[tokio::test]
async fn an_account_has_a_budget_in_redis() {
    let redis = stoa_testing::redis::database().await;
    let url = ("REDIS_URL", redis.url.as_str());
    let world = World::with(&[OF_ACCOUNTS[0], OF_ACCOUNTS[1], url]).await;
    // As above: each time it is another account.
    eventually(Duration::from_secs(20), async || {
        (all_of_an_account(&world).await == FOUR_THEN_NONE).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_identity_takes_nothing_from_its_account() {
    let redis = stoa_testing::redis::database().await;
    let url = ("REDIS_URL", redis.url.as_str());
    let few = [FEW[0], FEW[1], OF_ACCOUNTS[0], OF_ACCOUNTS[1], url];
    let world = World::with(&few).await;
    eventually(Duration::from_secs(20), async || {
        let account = Uuid::new_v4();
        let ask = async |count| {
            let credential = format!("Bearer {}", token_in(account));
            statuses(&world, &credential, count).await
        };
        let (greedy, other) = (ask(9).await, ask(1).await);
        (greedy[3] == StatusCode::TOO_MANY_REQUESTS && other == [StatusCode::OK]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_route_may_have_a_budget_for_each_account() {
    let world = World::start().await;
    let account = Uuid::new_v4();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let request = world.http.get(world.url("/api/v1/ours"));
        let answer = request.bearer_auth(token_in(account)).send().await;
        answers.push(answer.unwrap().status());
    }
    let (good, refused) = (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answers, [good, good, refused]);
}

#[tokio::test]
async fn without_redis_the_process_counts_for_itself() {
    let settings = [FEW[0], FEW[1], ("REDIS_URL", "redis://127.0.0.1:9")];
    each_identity_has_its_own_budget(&World::with(&settings).await).await;
}

#[tokio::test]
async fn a_route_has_a_budget_of_its_own_that_replicas_share() {
    let redis = stoa_testing::redis::database().await;
    let settings = [("REDIS_URL", redis.url.as_str())];
    let settings = [settings[0], ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let (one, other) = (World::with(&settings).await, World::with(&settings).await);
    let ask = async |world: &World, path: &str, client: &str| {
        let request = world.http.get(world.url(path));
        let request = request.header("x-forwarded-for", client);
        request.send().await.expect("an answer").status()
    };
    // As above, a replica may have to wait for Redis at first; each time it is another client.
    let number = AtomicUsize::new(1);
    eventually(Duration::from_secs(20), async || {
        let client = format!("192.0.2.{}", number.fetch_add(1, Ordering::Relaxed));
        let path = "/api/v1/rare";
        let answers = [
            ask(&one, path, &client).await,
            ask(&other, path, &client).await,
            ask(&one, path, &client).await,
        ];
        assert_eq!(ask(&one, "/api/v1/open/x", &client).await, StatusCode::OK);
        let is_shared = answers
            == [
                StatusCode::OK,
                StatusCode::OK,
                StatusCode::TOO_MANY_REQUESTS,
            ];
        is_shared.then_some(())
    })
    .await;
}

/// Asks as this client; the status of the answer.
async fn ask_as(world: &World, method: Method, path: &str, client: &str) -> StatusCode {
    let request = world.http.request(method, world.url(path));
    let request = request.header("x-forwarded-for", client);
    request.send().await.expect("an answer").status()
}

#[tokio::test]
async fn routes_of_one_path_have_a_budget_each() {
    let redis = stoa_testing::redis::database().await;
    let settings = [("REDIS_URL", redis.url.as_str())];
    let world = World::with(&[settings[0], ("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let number = AtomicUsize::new(1);
    // As above: each time it is another client, until Redis has answered all along.
    eventually(Duration::from_secs(20), async || {
        let client = format!("192.0.2.{}", number.fetch_add(1, Ordering::Relaxed));
        let mut answers = Vec::new();
        for method in ["GET", "GET", "PUT", "PUT", "PUT"] {
            let method = method.parse().unwrap();
            answers.push(ask_as(&world, method, "/api/v1/split", &client).await);
        }
        let (good, refused) = (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS);
        (answers == [good, refused, good, good, refused]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_was_refused_is_refused_without_a_question() {
    let redis = stoa_testing::redis::database().await;
    let proxy = Proxy::start(&redis.url).await;
    let trusted = ("TRUSTED_PROXIES", "127.0.0.0/8");
    let settings = [("REDIS_URL", proxy.url()), trusted];
    let (one, other) = (World::with(&settings).await, World::with(&settings).await);
    let ask = async |world: &World, client: &str| {
        ask_as(world, Method::GET, "/api/v1/rare", client).await
    };
    let (good, refused) = (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS);
    let number = AtomicUsize::new(1);
    // As above: each time it is another client, until Redis has answered all along.
    let client = eventually(Duration::from_secs(20), async || {
        let client = format!("192.0.2.{}", number.fetch_add(1, Ordering::Relaxed));
        let spent = [ask(&one, &client).await, ask(&one, &client).await];
        let refusal = ask(&other, &client).await;
        (spent == [good; 2] && refusal == refused).then_some(client)
    })
    .await;
    // By its own count, this process would let everybody pass.
    proxy.refuse();
    assert_eq!(ask(&other, "192.0.2.200").await, good);
    assert_eq!(ask(&other, &client).await, refused);
}

#[tokio::test]
async fn a_limit_that_is_raised_holds_at_once() {
    let redis = stoa_testing::redis::database().await;
    let settings = [("REDIS_URL", redis.url.as_str())];
    let world = World::with(&[settings[0], ("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let ask = async || ask_as(&world, Method::GET, "/api/v1/raised", "192.0.2.1").await;
    let write = |rate: &str| {
        let limit = format!("limit = {{ rate = \"{rate}\", by = \"address\" }}");
        let route = format!("[[route]]\npath = \"/api/v1/raised\"\nauth = \"none\"\n{limit}\n");
        std::fs::write(world.route_file("echo"), route).unwrap();
    };
    write("1/h");
    let is_used_up = async || (ask().await == StatusCode::TOO_MANY_REQUESTS).then_some(());
    eventually(Duration::from_secs(20), is_used_up).await;
    write("100/s");
    let is_free = async || (ask().await == StatusCode::OK).then_some(());
    eventually(Duration::from_secs(20), is_free).await;
}

#[tokio::test]
async fn guessing_takes_from_the_budget_of_the_address() {
    let world = World::with(&FEW).await;
    let statuses = statuses(&world, "Bearer guess", 4).await;
    assert_eq!(statuses[..3], [StatusCode::UNAUTHORIZED; 3]);
    assert_eq!(statuses[3], StatusCode::TOO_MANY_REQUESTS);
    let response = world.get("/api/v1/open/x").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert_eq!(
        response.json::<serde_json::Value>().await.unwrap()["code"],
        "rate_limited"
    );
}

#[tokio::test]
async fn behind_a_believed_proxy_each_client_has_its_own_budget() {
    let settings = [FEW[0], FEW[1], ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let world = World::with(&settings).await;
    let ask = async |forwarded: &str| {
        let request = world.http.get(world.url("/api/v1/open/x"));
        let request = request.header("x-forwarded-for", forwarded);
        request.send().await.unwrap()
    };
    for _ in 0..3 {
        let told: serde_json::Value = ask("10.0.0.1, 192.0.2.7").await.json().await.unwrap();
        assert_eq!(told["headers"]["x-forwarded-for"], "192.0.2.7");
    }
    assert_eq!(
        ask("192.0.2.7").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(ask("192.0.2.8").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_has_many_addresses_of_one_network_has_one_budget() {
    let settings = [FEW[0], FEW[1], ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let world = World::with(&settings).await;
    let mut answers = Vec::new();
    for host in 1..=4 {
        let client = format!("2001:db8::{host}");
        answers.push(ask_as(&world, Method::GET, "/api/v1/open/x", &client).await);
    }
    assert_eq!(answers[..3], [StatusCode::OK; 3]);
    assert_eq!(answers[3], StatusCode::TOO_MANY_REQUESTS);
    let other = ask_as(&world, Method::GET, "/api/v1/open/x", "2001:db8:0:1::1").await;
    assert_eq!(other, StatusCode::OK);
}

#[tokio::test]
async fn a_network_that_is_none_is_refused_at_the_start() {
    let env = stoa_config::Env::from_pairs([("TRUSTED_PROXIES", "10.0.0.0/8, edge")]);
    let problems = env.load::<gateway::Settings>().unwrap_err().to_string();
    assert!(
        problems.contains("TRUSTED_PROXIES") && problems.contains("`edge`"),
        "{problems}"
    );
}
