//! What the guides tell a reader to do works as it stands there.

use acceptance::Platform;
use anyhow::{Context, Result};
use serde_json::json;
use std::process::Command;

const USE_THE_API: &str = include_str!("../../../docs/guides/use-the-api.md");
const DESIGN_A_CONVERSATION: &str = include_str!("../../../docs/guides/design-a-conversation.md");

/// The fenced examples of a document in one language, in their order.
fn examples<'d>(document: &'d str, language: &str) -> Vec<&'d str> {
    let fence = format!("\n```{language}\n");
    let parts = document.split(&fence).skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

/// What `make up` leaves for scripts, for the platform that is tested.
fn demo_env() -> Result<String> {
    let line = |name: &str| {
        let value = std::env::var(name).with_context(|| format!("{name} is not set"))?;
        Ok(format!("{name}='{value}'\n"))
    };
    ["STOA_URL", "STOA_EMAIL", "STOA_PASSWORD"]
        .into_iter()
        .map(line)
        .collect()
}

#[test]
fn the_commands_of_the_api_guide_run_from_the_first_to_the_last() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join(".stoa"))?;
    std::fs::write(folder.path().join(".stoa/demo.env"), demo_env()?)?;
    let script = examples(USE_THE_API, "sh").concat();
    // Nothing but a shell and its programs: what else the guide needs, it says.
    let output = Command::new("sh")
        .args(["-euc", &script])
        .current_dir(&folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").context("no PATH")?)
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    let complaint = String::from_utf8(output.stderr)?;
    assert!(output.status.success(), "{said}\n{complaint}");
    for expected in [r#""intent":{"name":"order_pizza""#, "It is in the oven."] {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
    Ok(())
}

#[tokio::test]
async fn the_assistant_of_the_design_guide_notes_a_meter_reading() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Design guide").await?;
    let documents = examples(DESIGN_A_CONVERSATION, "yaml");
    assert_eq!(documents.len(), 2, "training data and flows: {documents:?}");
    for (resource, document) in ["training-data", "flows"].into_iter().zip(documents) {
        let path = format!("/api/v1/assistants/{assistant}/{resource}");
        let stored = platform.put(&path, "application/yaml", document).await?;
        stored.expect(200)?;
    }
    let training = platform.train(&assistant).await?;
    assert_eq!(training["status"], "succeeded", "{training}");

    let path = format!("/api/v1/assistants/{assistant}/conversations");
    let started = platform.post(&path, &json!({})).await?.expect(201)?;
    let id = started["id"].as_str().context("no id")?;
    let path = format!("/api/v1/conversations/{id}/messages");
    let mut said = started["messages"].to_string();
    // The button says which flow: four utterances teach too little to depend on.
    for text in ["/report_meter_reading", "48213"] {
        let reply = platform.post(&path, &json!({ "text": text })).await?;
        said += &reply.expect(200)?["messages"].to_string();
    }
    for expected in [
        "Hello! What can I do for you?",
        "What does your meter show?",
        "48213 kWh, noted. Thank you!",
    ] {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
    Ok(())
}
