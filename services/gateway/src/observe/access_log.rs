//! One line for each request, in JSON on stdout.
//!
//! Lines gather in memory and are written by a thread of their own: a reader of the log that is slow
//! does not make requests slow, it loses lines, and a metric says how many.

use super::trace::write_hex;
use crate::lines;
use http::{Method, StatusCode};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What is written at a time.
const FULL: usize = 32 << 10;
/// Buffers that wait for a slow reader; with [`FULL`] 2 MiB.
const WAITING: usize = 64;

/// What is told of a request.
pub(crate) struct Entry<'e> {
    pub(crate) method: &'e Method,
    /// Without the query, which may hold what is nobody's business.
    pub(crate) path: &'e str,
    pub(crate) route: &'e str,
    pub(crate) service: Option<&'e str>,
    pub(crate) upstream: Option<SocketAddr>,
    pub(crate) client: IpAddr,
    pub(crate) status: StatusCode,
    pub(crate) elapsed: Duration,
    pub(crate) request_id: &'e str,
    pub(crate) trace_id: [u8; 16],
}

/// The lines of one thread of the front.
pub(crate) struct AccessLog {
    gathered: Mutex<Gathered>,
    writer: Option<SyncSender<Vec<u8>>>,
    lost: metrics::Counter,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    lines: u64,
    /// The second that `text` tells.
    second: u64,
    text: String,
}

/// Starts the thread that writes, unless `LOG` asks for no such lines; it ends with the last log that was given its
/// sender.
pub(crate) fn writer() -> std::io::Result<Option<SyncSender<Vec<u8>>>> {
    if !tracing::event_enabled!(target: "gateway::access", tracing::Level::INFO) {
        return Ok(None);
    }
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::Builder::new()
        .name("access-log".into())
        .spawn(move || write(&receiver))?;
    Ok(Some(sender))
}

fn write(buffers: &Receiver<Vec<u8>>) {
    while let Ok(buffer) = buffers.recv() {
        // Without stdout there is nobody to tell.
        let _ = std::io::stdout().write_all(&buffer);
    }
}

impl AccessLog {
    /// A log that hands its lines to `writer`.
    pub(crate) fn new(writer: Option<SyncSender<Vec<u8>>>) -> Self {
        let lost = metrics::counter!("gateway_access_log_lost_total");
        Self {
            gathered: Mutex::default(),
            writer,
            lost,
        }
    }

    /// Whether anybody wants the lines.
    pub(crate) fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Adds a line.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.add(entry);
        if gathered.bytes.len() >= FULL {
            self.hand_over(&mut gathered);
        }
    }

    /// Hands over what has gathered.
    pub(crate) fn flush(&self) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if !gathered.bytes.is_empty() {
            self.hand_over(&mut gathered);
        }
    }

    fn hand_over(&self, gathered: &mut Gathered) {
        let next = Vec::with_capacity(gathered.bytes.capacity());
        let full = std::mem::replace(&mut gathered.bytes, next);
        let lines = std::mem::take(&mut gathered.lines);
        let writer = self.writer.as_ref();
        if writer.is_none_or(|writer| writer.try_send(full).is_err()) {
            self.lost.increment(lines);
        }
    }
}

impl Gathered {
    fn add(&mut self, entry: &Entry<'_>) {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        if now.as_secs() != self.second || self.text.is_empty() {
            self.second = now.as_secs();
            let second = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(self.second);
            self.text = second.format(&Rfc3339).unwrap_or_default();
            self.text.pop();
        }
        let Self { bytes, text, .. } = self;
        let mut number = itoa::Buffer::new();
        push(bytes, r#"{"timestamp":""#);
        push(bytes, text);
        push(bytes, ".");
        let millis = now.subsec_millis();
        push(bytes, &number.format(1000 + millis)[1..]);
        push(
            bytes,
            r#"Z","level":"INFO","message":"request","service":"gateway","method":"#,
        );
        string(bytes, entry.method.as_str());
        push(bytes, r#","path":"#);
        string(bytes, entry.path);
        push(bytes, r#","route":"#);
        string(bytes, entry.route);
        push(bytes, r#","status":"#);
        push(bytes, number.format(entry.status.as_u16()));
        push(bytes, r#","duration_us":"#);
        push(bytes, number.format(entry.elapsed.as_micros()));
        push(bytes, r#","client":""#);
        lines::put_ip(bytes, entry.client);
        push(bytes, "\"");
        if let Some(service) = entry.service {
            push(bytes, r#","upstream":"#);
            string(bytes, service);
        }
        if let Some(address) = entry.upstream {
            push(bytes, r#","upstream_address":""#);
            lines::put_address(bytes, address);
            push(bytes, "\"");
        }
        push(bytes, r#","request_id":"#);
        string(bytes, entry.request_id);
        let mut id = [0; 32];
        write_hex(&mut id, &entry.trace_id);
        push(bytes, r#","trace_id":""#);
        bytes.extend_from_slice(&id);
        push(bytes, "\"}\n");
        self.lines += 1;
    }
}

fn push(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
}

/// A string in JSON. Paths and ids are plain almost always.
fn string(bytes: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b'\\';
    // All of it without a branch: so the processor looks at many bytes at once.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        bytes.push(b'"');
        push(bytes, text);
        bytes.push(b'"');
    } else {
        // A string always serialises, and a vector takes all of it.
        let _ = serde_json::to_writer(bytes, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_the_client_has_sent() {
        let (writer, lines) = sync_channel(1);
        let log = AccessLog::new(Some(writer));
        log.write(&Entry {
            method: &Method::GET,
            path: "/a\"b\\é",
            route: "unmatched",
            service: Some("api"),
            upstream: Some(([127, 0, 0, 1], 80).into()),
            client: [192, 0, 2, 7].into(),
            status: StatusCode::OK,
            elapsed: Duration::from_micros(1234),
            request_id: "r-1",
            trace_id: [0xAB; 16],
        });
        log.flush();
        let line = lines.recv().unwrap();
        assert_eq!(line.last(), Some(&b'\n'));
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["path"], "/a\"b\\é");
        assert_eq!(
            (&line["status"], &line["duration_us"]),
            (&200.into(), &1234.into())
        );
        assert_eq!(
            (&line["client"], &line["upstream_address"]),
            (&"192.0.2.7".into(), &"127.0.0.1:80".into())
        );
        assert_eq!(line["trace_id"], "ab".repeat(16));
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(
            OffsetDateTime::parse(timestamp, &Rfc3339).is_ok(),
            "{timestamp}"
        );
    }

    #[test]
    fn a_reader_that_is_slow_loses_lines_and_holds_nobody_up() {
        let (writer, lines) = sync_channel(0);
        let log = AccessLog::new(Some(writer));
        log.gathered.lock().unwrap().bytes.push(b'x');
        log.flush();
        assert!(log.gathered.lock().unwrap().bytes.is_empty() && lines.try_recv().is_err());
    }
}
