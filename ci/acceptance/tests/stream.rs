//! The WebSocket of a conversation, through the gateway.

use acceptance::Platform;
use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

#[tokio::test]
async fn a_conversation_streams_its_events() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.demo_assistant().await?;
    let path = format!("/api/v1/assistants/{assistant}/conversations");
    let started = platform.post(&path, &json!({})).await?.expect(201)?;
    let id = started["id"].as_str().context("no id")?;

    let url = platform.address("ws", &format!("/api/v1/conversations/{id}/stream"));
    let mut request = url.into_client_request()?;
    let bearer = format!("Bearer {}", platform.token()).parse()?;
    request.headers_mut().insert("authorization", bearer);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    socket
        .send(Message::text(json!({ "text": "hello" }).to_string()))
        .await?;

    let mut seen = Vec::new();
    while !seen
        .iter()
        .any(|event: &Value| event["event"] == "assistant" && after_user(&seen))
    {
        let next = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        match next.with_context(|| format!("no answer came after {seen:?}"))? {
            Some(Ok(Message::Text(text))) => seen.push(serde_json::from_str(&text)?),
            Some(Ok(_)) => {}
            other => bail!("the stream ended: {other:?} after {seen:?}"),
        }
    }
    Ok(())
}

fn after_user(events: &[Value]) -> bool {
    let user = events.iter().position(|event| event["event"] == "user");
    let answer = events
        .iter()
        .rposition(|event| event["event"] == "assistant");
    matches!((user, answer), (Some(user), Some(answer)) if user < answer)
}
