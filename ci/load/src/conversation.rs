//! A person who talks over a WebSocket, all the time. A closed socket is opened again, at the next address, and
//! the conversation goes on where it was; if it cannot, or if an event is missing or comes twice, it was dropped.

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::report::Recorder;
use crate::target::Target;
use crate::transport::Stream;

/// Between two messages of one person.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(200);

pub(crate) async fn run(
    target: Arc<Target>,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    number: u32,
) {
    while !stop.is_cancelled() {
        if let Err(error) = talk(&target, &recorder, &stop, number.into()).await {
            recorder.dropped(format!("conversation {number}: {error:#}"));
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Talks until the load ends.
async fn talk(
    target: &Target,
    recorder: &Recorder,
    stop: &CancellationToken,
    number: u64,
) -> Result<()> {
    let mut person = Person::begin(target, number).await?;
    let mut socket = person.connect().await?;
    while !stop.is_cancelled() {
        let started = Instant::now();
        let key = uuid::Uuid::now_v7().to_string();
        person.asked = false;
        loop {
            match person.say(&mut socket, &key).await? {
                Heard::Answer => break,
                Heard::Closed => {
                    ensure!(started.elapsed() < PATIENCE, "no answer in {PATIENCE:?}");
                    recorder.reconnected();
                    socket = person.connect().await?;
                }
            }
        }
        recorder.answered(started.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    // The server notices the end either way.
    let _ = socket.close(None).await;
    Ok(())
}

enum Heard {
    Answer,
    Closed,
}

struct Person<'t> {
    target: &'t Target,
    number: u64,
    conversation: String,
    /// The sequence of the last event that came.
    seen: i64,
    attempts: u64,
    /// Whether the message that waits for its answer has come back as an event.
    asked: bool,
}

impl<'t> Person<'t> {
    async fn begin(target: &'t Target, number: u64) -> Result<Self> {
        let path = format!("/api/v1/assistants/{}/conversations", target.assistant);
        let request = target
            .request(number, true, Method::POST, &path)
            .json(&json!({}));
        let response = request.send().await.context("cannot begin")?;
        let status = response.status();
        let body: Value = response.json().await.context("cannot begin")?;
        ensure!(status.is_success(), "cannot begin: {status}: {body}");
        let conversation = body["id"].as_str().context("no id")?.to_owned();
        Ok(Self {
            target,
            number,
            conversation,
            seen: 0,
            attempts: number,
            asked: false,
        })
    }

    async fn connect(&mut self) -> Result<WebSocketStream<Stream>> {
        let started = Instant::now();
        loop {
            match tokio::time::timeout(PATIENCE, self.try_connect()).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) if started.elapsed() > PATIENCE => return Err(error),
                Err(_) => bail!("no connection in {PATIENCE:?}"),
                Ok(Err(_)) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    async fn try_connect(&mut self) -> Result<WebSocketStream<Stream>> {
        self.attempts += 1;
        let stream = TcpStream::connect(self.target.address(self.attempts)).await?;
        let stream = self.target.transport.encrypt(stream).await?;
        let path = format!(
            "/api/v1/conversations/{}/stream?after={}",
            self.conversation, self.seen
        );
        let mut request = self.target.url("ws", &path).into_client_request()?;
        let bearer = format!("Bearer {}", self.target.key(self.number)).parse()?;
        request.headers_mut().insert("authorization", bearer);
        Ok(tokio_tungstenite::client_async(request, stream).await?.0)
    }

    /// Says something under a key, so that saying it again says it once, and waits for the answer to it.
    async fn say(&mut self, socket: &mut WebSocketStream<Stream>, key: &str) -> Result<Heard> {
        let frame = json!({ "text": "hello", "idempotency_key": key }).to_string();
        if socket.send(Message::text(frame)).await.is_err() {
            return Ok(Heard::Closed);
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, socket.next()).await;
            let message = match next.context("no answer")? {
                Some(Ok(Message::Text(text))) => serde_json::from_str::<Value>(&text)?,
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(Heard::Closed),
            };
            if let Some(problem) = message.get("problem") {
                bail!("a message was refused: {problem}");
            }
            let sequence = message["sequence"]
                .as_i64()
                .context("an event without a sequence")?;
            ensure!(
                sequence == self.seen + 1,
                "event {sequence} came after event {}",
                self.seen
            );
            self.seen = sequence;
            match message["event"].as_str() {
                Some("user") => self.asked = true,
                Some("assistant") if self.asked => return Ok(Heard::Answer),
                _ => {}
            }
        }
    }
}
