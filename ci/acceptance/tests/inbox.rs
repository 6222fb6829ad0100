//! From what was not understood to an example of it, through the public door.

use acceptance::{Platform, answer};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DATA: &str = include_str!("../data/training.csv");
/// Gathering, the queue and polling included.
const DEADLINE: Duration = Duration::from_mins(1);

/// The item of a text, as soon as it was said so often.
async fn item(platform: &Platform, list: &str, text: &str, seen: u64) -> Result<Value> {
    let start = Instant::now();
    loop {
        let page = platform.get(list).await?.expect(200)?;
        let items = page["items"].as_array().context("no items")?;
        let found = items.iter().find(|item| item["text"] == text);
        if let Some(item) = found.filter(|item| item["seen"].as_u64() >= Some(seen)) {
            return Ok(item.clone());
        }
        ensure!(start.elapsed() < DEADLINE, "not there yet: {page}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn what_was_not_understood_is_labelled_and_learned() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Inbox").await?;
    let data = format!("/api/v1/assistants/{assistant}/training-data");
    platform.put(&data, "text/csv", DATA).await?.expect(200)?;
    platform.train(&assistant).await?;

    let text = "ψάξε ξύδι";
    for _ in 0..3 {
        platform.parse(&assistant, text).await?;
    }
    let list = format!("/api/v1/inbox?assistant_id={assistant}&limit=100");
    let found = item(&platform, &list, text, 3).await?;
    assert_eq!(
        (&found["seen"], &found["status"]),
        (&json!(3), &json!("open"))
    );

    let path = format!(
        "/api/v1/inbox/{}/label",
        found["id"].as_str().context("no id")?
    );
    let unknown = platform
        .post(&path, &json!({ "intent": "gibberish" }))
        .await?;
    let problem = unknown.expect_problem(422, "invalid")?;
    let message = problem["errors"][0]["message"]
        .as_str()
        .context("no message")?;
    assert!(message.contains("`greet`"), "{problem}");
    let body = json!({ "intent": "gibberish", "create_intent": true });
    for _ in 0..2 {
        let request = platform.request(Method::POST, &path).json(&body);
        let key = format!("label-of-{assistant}");
        let labelled = answer(request.header("idempotency-key", key))
            .await?
            .expect(200)?;
        assert_eq!(labelled["intent"], "gibberish");
    }
    let examples = platform.get(&data).await?.expect(200)?;
    let examples = examples["examples"].as_array().context("no examples")?;
    let added = examples.iter().filter(|example| example["text"] == text);
    assert_eq!(added.count(), 1);
    let open = platform.get(&list).await?.expect(200)?;
    assert!(
        open["items"]
            .as_array()
            .is_some_and(|items| items.iter().all(|item| item["text"] != text))
    );
    Ok(())
}
