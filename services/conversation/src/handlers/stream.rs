//! A conversation over a WebSocket: what happens comes out, what is said goes in.

use super::find;
use crate::hub::Listener;
use crate::metrics::OpenStream;
use crate::state::Conversations;
use crate::store::{self, Stored};
use crate::turns::{self, Sent};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use garde::Validate;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_contracts::conversations::Event;
use stoa_contracts::parse::TEXT_LIMIT;
use stoa_service::{Identity, Path, Problem, Query, responses};
use tokio::sync::OwnedSemaphorePermit;
use tungstenite::Error as FrameError;
use utoipa::IntoParams;
use uuid::Uuid;

/// A message of the longest text with its JSON around it: as ASCII, a character may take two escapes of six bytes.
const MESSAGE_LIMIT: usize = 12 * TEXT_LIMIT + 4096;

/// A longer frame is not read to its end, so its client may miss why the stream was closed.
const FRAME_LIMIT: usize = 1 << 20;

/// Events that are read at a time.
const BATCH: i64 = 200;

/// Proxies close connections that are silent for a minute.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// A client that takes longer to accept a frame is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that does not close within this is left alone; less than any deadline of the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where to begin.
#[derive(Debug, Default, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// Only events after this sequence; 0 or absent for all.
    #[garde(range(min = 0))]
    #[param(minimum = 0, default = 0)]
    #[serde(default)]
    after: i64,
}

/// What a client sends: text, or the payload of a button.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Frame {
    #[garde(length(chars, min = 1, max = TEXT_LIMIT))]
    text: String,
    // As in a header: with a space it would be a person's (`turns::person`).
    #[garde(length(min = 1, max = 255), pattern("^[!-~]+$"))]
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// What a client gets beside events.
#[derive(Serialize)]
struct Refusal<'a> {
    problem: &'a stoa_contracts::Problem,
    /// Of the message that was refused, if it had one.
    idempotency_key: Option<&'a str>,
}

/// Follow a conversation over a WebSocket
///
/// Every event comes as one JSON text frame. A frame `{"text": ...}`, with an optional
/// `idempotency_key`, says something; if that is refused a frame `{"problem": ...}` comes. What is no
/// text, no UTF-8 or too long for any text is refused in this way, and ends the stream (1003, 1007, 1009).
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/stream", operation_id = "stream_conversation",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "The conversation"), Since),
    responses((status = 101, description = "The WebSocket is open"), responses::Read)
)]
pub(super) async fn stream_conversation(
    State(service): State<Conversations>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(since): Query<Since>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let found = find(&service, &identity, id).await?;
    let upgrade = upgrade.map_err(|_| {
        let detail = "This path is a WebSocket: ask for an upgrade to it.";
        Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::BAD_REQUEST)
    })?;
    let Ok(permit) = service.streams.clone().try_acquire_owned() else {
        return Err(Problem::new(
            ErrorCode::Unavailable,
            "Too many streams are open; try again.",
        ));
    };
    let listener = service.hub.subscribe(id);
    let context = service.context.clone();
    let stream = Stream {
        service,
        found,
        listener,
        sent: since.after,
        _permit: permit,
        _open: OpenStream::count(),
    };
    let upgrade = upgrade
        .protocols(["stoa"])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(FRAME_LIMIT);
    Ok(upgrade.on_upgrade(async move |socket| context.spawn(stream.run(socket))))
}

/// One client that follows a conversation.
struct Stream {
    service: Conversations,
    found: Stored,
    listener: Listener,
    /// The sequence of the last event that the client has.
    sent: i64,
    _permit: OwnedSemaphorePermit,
    _open: OpenStream,
}

/// The client is gone, or cannot be served any more: the code to close with.
struct Gone(CloseCode);

impl Gone {
    /// There is nobody to tell.
    const SILENT: Self = Self(close_code::NORMAL);
}

impl Stream {
    async fn run(mut self, mut socket: WebSocket) {
        let shutdown = self.service.context.shutdown.clone();
        let served = shutdown.run_until_cancelled(self.serve(&mut socket)).await;
        let code = match served {
            // The client comes back to another replica.
            None => close_code::RESTART,
            Some(Gone(code)) => code,
        };
        let close = Message::Close(Some(CloseFrame {
            code,
            reason: "".into(),
        }));
        // It may be closed already.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, farewell(&mut socket, close)).await;
    }

    async fn serve(&mut self, socket: &mut WebSocket) -> Gone {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        loop {
            if let Err(gone) = self.send_events(socket).await {
                return gone;
            }
            let done = tokio::select! {
                () = self.listener.woken() => Ok(()),
                _ = ping.tick() => send(socket, Message::Ping(Vec::new().into())).await,
                frame = socket.recv() => match frame {
                    Some(Ok(Message::Text(text))) => self.hear(socket, text.as_str()).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Binary(_))) => {
                        refuse(socket, close_code::UNSUPPORTED, "Send text, not binary data.").await
                    }
                    Some(Err(error)) => refuse_frame(socket, error).await,
                    Some(Ok(Message::Close(_))) | None => Err(Gone::SILENT),
                },
            };
            if let Err(gone) = done {
                return gone;
            }
        }
    }

    /// Sends what the client does not have yet.
    async fn send_events(&mut self, socket: &mut WebSocket) -> Result<(), Gone> {
        loop {
            let events =
                store::events_after(&self.service.pool, self.found.id, self.sent, BATCH).await;
            let events: Vec<Event> = events.map_err(|error| {
                tracing::warn!(%error, "a stream was closed: its events cannot be read");
                Gone::SILENT
            })?;
            for event in &events {
                send_json(socket, event).await?;
                self.sent = event.sequence;
            }
            if events.is_empty() {
                return Ok(());
            }
        }
    }

    /// Hears what a client says; the answer comes back as events.
    async fn hear(&self, socket: &mut WebSocket, text: &str) -> Result<(), Gone> {
        let (problem, key) = match read(text) {
            Err(problem) => (problem, None),
            Ok(frame) => {
                let sent = Sent {
                    text: &frame.text,
                    key: frame.idempotency_key.as_deref(),
                };
                match turns::hear(&self.service, &self.found, sent).await {
                    Ok(_) => return Ok(()),
                    Err(error) => (Problem::from(error), frame.idempotency_key),
                }
            }
        };
        let refusal = Refusal {
            problem: problem.body(),
            idempotency_key: key.as_deref(),
        };
        send_json(socket, &refusal).await
    }
}

/// Says what is wrong with a frame that cannot be read, if that is what went wrong.
async fn refuse_frame(socket: &mut WebSocket, error: axum::Error) -> Result<(), Gone> {
    let (code, detail) = match error.into_inner().downcast_ref() {
        Some(FrameError::Capacity(_)) => (close_code::SIZE, "The message is too long."),
        Some(FrameError::Utf8(_)) => (close_code::INVALID, "Send text in UTF-8."),
        _ => return Err(Gone::SILENT),
    };
    refuse(socket, code, detail).await
}

/// Says why the stream ends, which it then does.
async fn refuse(socket: &mut WebSocket, code: CloseCode, detail: &str) -> Result<(), Gone> {
    let problem = Problem::new(ErrorCode::Invalid, detail);
    let refusal = Refusal {
        problem: problem.body(),
        idempotency_key: None,
    };
    send_json(socket, &refusal).await?;
    Err(Gone(code))
}

fn read(text: &str) -> Result<Frame, Problem> {
    let invalid = |detail: String| Problem::new(ErrorCode::Invalid, detail);
    let frame: Frame = serde_json::from_str(text)
        .map_err(|error| invalid(format!("Send {{\"text\": ...}}: {error}.")))?;
    frame
        .validate()
        .map_err(|report| invalid(format!("The message is not valid: {report}")))?;
    Ok(frame)
}

async fn send_json(socket: &mut WebSocket, value: &impl Serialize) -> Result<(), Gone> {
    let json = serde_json::to_string(value).expect("the types of the contracts serialise");
    send(socket, Message::Text(json.into())).await
}

/// Closes, and waits for the client to close too: a connection that is dropped over data which
/// nobody has read is reset, and the client may never see why.
async fn farewell(socket: &mut WebSocket, close: Message) -> Result<(), axum::Error> {
    socket.send(close).await?;
    while let Some(message) = socket.recv().await {
        message?;
    }
    Ok(())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone::SILENT),
    }
}
