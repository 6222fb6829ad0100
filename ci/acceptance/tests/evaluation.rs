//! How well an assistant understands, measured through the public door.

use acceptance::{Platform, answer};
use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

const DATA: &str = include_str!("../data/training.csv");

async fn taught(platform: &Platform) -> Result<String> {
    let assistant = platform.create_assistant("Evaluation").await?;
    let path = format!("/api/v1/assistants/{assistant}/training-data");
    platform.put(&path, "text/csv", DATA).await?.expect(200)?;
    Ok(assistant)
}

async fn ended(platform: &Platform, started: &Value) -> Result<Value> {
    let id = started["id"].as_str().context("no id")?;
    platform
        .finished(&format!("/api/v1/evaluations/{id}"))
        .await
}

fn support(result: &Value) -> u64 {
    let intents = result["intents"].as_array().expect("a list of intents");
    intents
        .iter()
        .filter_map(|intent| intent["support"].as_u64())
        .sum()
}

#[tokio::test]
async fn the_training_data_is_cross_validated() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = taught(&platform).await?;
    let path = format!("/api/v1/assistants/{assistant}/evaluations");
    let start = || {
        let request = platform
            .request(Method::POST, &path)
            .json(&json!({ "folds": 4 }));
        answer(request.header(
            "idempotency-key",
            format!("cross-validation-of-{assistant}"),
        ))
    };
    let started = start().await?.expect(202)?;
    assert_eq!(start().await?.expect(202)?["id"], started["id"]);

    let evaluation = ended(&platform, &started).await?;
    assert_eq!(evaluation["status"], "succeeded", "{evaluation}");
    let result = &evaluation["result"];
    let examples = DATA.lines().filter(|line| !line.is_empty()).count() as u64 - 1;
    let asked = result["examples"].as_u64().context("no count")?;
    let left_out = result["left_out"].as_u64().context("no count")?;
    assert_eq!((asked + left_out, support(result)), (examples, asked));
    assert!(result["accuracy"].as_f64() > Some(0.5), "{result}");

    let listed = platform.get(&path).await?.expect(200)?;
    assert_eq!(
        listed["items"][0]["summary"]["accuracy"],
        result["accuracy"]
    );
    Ok(())
}

#[tokio::test]
async fn a_labelled_set_is_asked_of_the_active_model() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = taught(&platform).await?;
    let path = format!("/api/v1/assistants/{assistant}/evaluations");
    let set = json!({ "examples": [
        { "text": "hello there, good morning", "intent": "greet" },
        { "text": "where has my order gone", "intent": "order_status" },
        { "text": "send a large pizza to my place please", "intent": "never_taught" },
    ] });
    platform
        .post(&path, &set)
        .await?
        .expect_problem(409, "conflict")?;
    let training = platform.train(&assistant).await?;

    let started = platform.post(&path, &set).await?.expect(202)?;
    assert_eq!(started["model"], training["model"]);
    let evaluation = ended(&platform, &started).await?;
    assert_eq!(evaluation["status"], "succeeded", "{evaluation}");
    let result = &evaluation["result"];
    assert_eq!(
        (support(result), &result["mistakes"]),
        (3, &json!(1)),
        "{result}"
    );
    assert_eq!(result["wrong"][0]["expected"], "never_taught");

    let csv = "text,intent\nhello,greet,too many\n";
    let request = platform
        .request(Method::POST, &path)
        .header("content-type", "text/csv");
    let problem = answer(request.body(csv))
        .await?
        .expect_problem(422, "invalid")?;
    assert_eq!(problem["errors"][0]["line"], 2, "{problem}");
    Ok(())
}
