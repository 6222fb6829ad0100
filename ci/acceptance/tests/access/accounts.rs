//! No role of an account reaches anything of another one.

use crate::resources::{Resources, require_same};
use acceptance::document::{self, Operation};
use acceptance::{Platform, answer, tenant::Tenant};
use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

const METHODS: [Method; 5] = [
    Method::GET,
    Method::PUT,
    Method::PATCH,
    Method::POST,
    Method::DELETE,
];

/// Everybody who is not of the account: each role of another one, its keys, and the operator.
async fn strangers(other: &Tenant) -> Result<Vec<(&'static str, Platform)>> {
    let mut strangers = other.everybody().await?;
    let own = other.owner.create_assistant("Their own").await?;
    let narrowed = json!({ "assistant_id": own });
    strangers.push(("a key", other.key("owner", json!({})).await?));
    strangers.push(("a key of an assistant", other.key("owner", narrowed).await?));
    strangers.push(("the operator", Platform::sign_in().await?));
    Ok(strangers)
}

#[tokio::test]
async fn nothing_of_another_account_is_seen_or_changed_by_any_route() -> Result<()> {
    let operations = document::operations().await?;
    let (ours, theirs) = (
        Tenant::create("Ours").await?,
        Tenant::create("Theirs").await?,
    );
    let resources = Resources::create(&ours.owner, &operations).await?;
    let before = resources.snapshot(&ours.owner, &operations).await?;
    let told = before
        .values()
        .filter(|text| text.contains(&resources.marker));
    ensure!(
        told.count() >= 6,
        "what is to be kept secret is in hardly any answer"
    );
    for (who, stranger) in strangers(&theirs).await? {
        for operation in operations.iter().filter(|known| known.has_parameter()) {
            refuses(&resources, operation, &operations, (who, &stranger)).await?;
        }
        for list in operations.iter().filter(|known| !known.has_parameter()) {
            tells_nothing(&resources, list, (who, &stranger)).await?;
        }
    }
    let after = resources.snapshot(&ours.owner, &operations).await?;
    require_same(&before, &after, &[])
}

/// A thing of the account is asked for by its documented method, and by every other.
async fn refuses(
    resources: &Resources,
    operation: &Operation,
    operations: &[Operation],
    (who, stranger): (&str, &Platform),
) -> Result<()> {
    let path = resources.fill(&operation.path)?;
    if Resources::is_shared(&path) {
        // An operator may: that is no other account's.
        return Ok(());
    }
    let refused = operation.ask(stranger, &path).await?;
    // Who may not do it even to the own things is told so.
    let is_refused =
        refused.status == 404 || refused.status == 403 && who != "owner" && who != "a key";
    ensure!(
        is_refused,
        "{} {path} as {who}: {}: {}",
        operation.method,
        refused.status,
        refused.text
    );
    resources.require_secret(&path, &refused)?;
    for method in METHODS {
        let is_documented = operations
            .iter()
            .any(|known| known.path == operation.path && known.method == method);
        if is_documented {
            continue;
        }
        let mut request = stranger.request(method.clone(), &path);
        if !matches!(method, Method::GET | Method::DELETE) {
            request = request.json(&json!({}));
        }
        let refused = answer(request).await?;
        ensure!(
            matches!(refused.status.as_u16(), 404 | 405),
            "{method} {path} as {who}: {}",
            refused.status
        );
        resources.require_secret(&path, &refused)?;
    }
    Ok(())
}

/// What is no thing of the account: lists, also where they are asked for one of its assistants.
async fn tells_nothing(
    resources: &Resources,
    list: &Operation,
    (who, stranger): (&str, &Platform),
) -> Result<()> {
    // A POST would make something of their own, or end their own session: nothing of ours.
    if list.method != Method::GET {
        return Ok(());
    }
    let assistant = resources.fill("/assistants/{id}")?;
    let assistant = assistant.rsplit('/').next().unwrap_or_default();
    for query in [
        "?limit=100".to_owned(),
        format!("?limit=100&assistant_id={assistant}"),
    ] {
        let path = format!("{}{query}", list.path);
        let told = list.ask(stranger, &path).await?;
        let told = resources.require_secret(&path, &told);
        told.map_err(|error| error.context(format!("as {who}")))?;
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_made_for_an_assistant_of_another_account() -> Result<()> {
    let (ours, theirs) = (
        Tenant::create("Ours").await?,
        Tenant::create("Theirs").await?,
    );
    let assistant = ours.owner.create_assistant("Ours alone").await?;
    let job = json!({ "kind": "retrain", "assistant_id": assistant });
    let bodies: [(&str, Value); 2] = [
        (
            "/api/v1/api-keys",
            json!({ "name": "x", "role": "owner", "assistant_id": assistant }),
        ),
        (
            "/api/v1/schedules",
            json!({ "name": "x", "cron": "30 3 * * *", "job": job }),
        ),
    ];
    for (path, body) in bodies {
        let refused = theirs.owner.post(path, &body).await?;
        ensure!(
            matches!(refused.status.as_u16(), 404 | 422),
            "{path}: {}: {}",
            refused.status,
            refused.text
        );
        let list = theirs.owner.get(path).await?.expect(200)?;
        assert_eq!(list["items"], json!([]), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_of_one_assistant_reaches_no_other_and_nothing_of_the_account() -> Result<()> {
    let operations = document::operations().await?;
    let ours = Tenant::create("Ours").await?;
    let resources = Resources::create(&ours.owner, &operations).await?;
    let before = resources.snapshot(&ours.owner, &operations).await?;
    let other = ours.owner.create_assistant("Another").await?;
    let key = ours.key("owner", json!({ "assistant_id": other })).await?;
    for operation in operations.iter().filter(|known| known.has_parameter()) {
        let who = ("a key of an assistant", &key);
        refuses(&resources, operation, &operations, who).await?;
    }
    let after = resources.snapshot(&ours.owner, &operations).await?;
    require_same(&before, &after, &["/api/v1/api-keys", "/api/v1/assistants"])
}
