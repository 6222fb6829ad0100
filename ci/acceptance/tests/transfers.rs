//! Training data comes in and goes out as jobs, through the public door.

use acceptance::{Answer, Platform, answer};
use anyhow::{Context as _, Result};
use reqwest::{Method, header};
use serde_json::{Value, json};

const CSV: &str = include_str!("../data/training.csv");
const YAML: &str = include_str!("../data/training.yml");

async fn import(platform: &Platform, path: &str, kind: &str, body: &'static str) -> Result<Answer> {
    let request = platform.request(Method::POST, path);
    let request = request.header("idempotency-key", format!("import-{kind}-{path}"));
    answer(request.header(header::CONTENT_TYPE, kind).body(body)).await
}

async fn ended(platform: &Platform, resource: &str, started: &Value) -> Result<Value> {
    let id = started["id"].as_str().context("no id")?;
    platform.finished(&format!("/api/v1/{resource}/{id}")).await
}

#[tokio::test]
async fn a_file_comes_in_is_merged_and_goes_out_again() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Imports and exports").await?;
    let imports = format!("/api/v1/assistants/{assistant}/imports");
    let started = import(&platform, &imports, "text/csv", CSV)
        .await?
        .expect(202)?;
    let again = import(&platform, &imports, "text/csv", CSV)
        .await?
        .expect(202)?;
    assert_eq!(again["id"], started["id"]);
    let done = ended(&platform, "imports", &started).await?;
    assert_eq!(done["status"], "succeeded", "{done}");
    let examples = CSV.lines().filter(|line| !line.is_empty()).count() as u64 - 1;
    assert_eq!(done["counts"]["added"], examples);

    let merge = format!("{imports}?mode=merge");
    let started = import(&platform, &merge, "application/yaml", YAML)
        .await?
        .expect(202)?;
    let merged = ended(&platform, "imports", &started).await?;
    assert_eq!(
        (&merged["status"], &merged["counts"]["replaced"]),
        (&json!("succeeded"), &json!(0)),
        "{merged}"
    );
    let listed = platform
        .get(&format!("/api/v1/imports?assistant_id={assistant}&limit=1"))
        .await?
        .expect(200)?;
    assert_eq!(listed["items"][0]["id"], merged["id"]);
    assert!(listed["next_cursor"].is_string(), "{listed}");

    // The job has the id of what it is about.
    let id = merged["id"].as_str().context("no id")?;
    let job = platform
        .get(&format!("/api/v1/jobs/{id}"))
        .await?
        .expect(200)?;
    assert_eq!(job["kind"], "import");

    let exports = format!("/api/v1/assistants/{assistant}/exports");
    let started = platform
        .post(&exports, &json!({"format": "json"}))
        .await?
        .expect(202)?;
    let export = ended(&platform, "exports", &started).await?;
    assert_eq!(export["status"], "succeeded", "{export}");
    let id = export["id"].as_str().context("no id")?;
    let file = platform
        .get(&format!("/api/v1/exports/{id}/content"))
        .await?;
    assert_eq!(file.content_type, "application/json");
    let stored = platform
        .get(&format!("/api/v1/assistants/{assistant}/training-data"))
        .await?
        .expect(200)?;
    assert_eq!(file.expect(200)?, stored);
    Ok(())
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_says_where_it_is_wrong() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("A wrong import").await?;
    let imports = format!("/api/v1/assistants/{assistant}/imports");
    let wrong = "text,intent\nhello,greet\na,b,c\n";
    let started = import(&platform, &imports, "text/csv", wrong)
        .await?
        .expect(202)?;
    let failed = ended(&platform, "imports", &started).await?;
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["line"]),
        (&json!("failed"), &json!(3)),
        "{failed}"
    );
    let data = format!("/api/v1/assistants/{assistant}/training-data");
    platform
        .get(&data)
        .await?
        .expect_problem(404, "not_found")?;
    Ok(())
}
