//! One connection of the client, and what it sends.

use anyhow::Context as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// More than any answer here.
const READ: usize = 16 << 10;
/// How long a proxy may take to accept: its core may be somebody else's for a while.
const CONNECT: Duration = Duration::from_secs(5);

/// Where requests go, and what they are: each is another client's, in turn.
pub(crate) struct Load<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) requests: &'a [Vec<u8>],
}

/// A connection with one request at most on its way.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
}

/// What a readable connection had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An answer is not complete.
    Nothing,
    /// A whole answer.
    Answer {
        /// Its status.
        status: u16,
        /// Whether the connection ends with it.
        last: bool,
    },
    /// The connection is closed.
    Gone,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT);
        let stream = stream.with_context(|| format!("no connection to {address}"))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends a request; a failure shows when the answer is read.
    pub(crate) fn send(&mut self, request: &[u8]) {
        self.received.clear();
        let _ = self.stream.write_all(request);
    }

    /// Reads once.
    pub(crate) fn hear(&mut self) -> Heard {
        let mut buffer = [0; READ];
        let read = match self.stream.read(&mut buffer) {
            Ok(0) => return self.ended(),
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::Nothing,
            Err(_) => return Heard::Gone,
        };
        if self.received.is_empty()
            && let Some(answer) = whole(read)
        {
            return answer;
        }
        self.received.extend_from_slice(read);
        whole(&self.received).unwrap_or(Heard::Nothing)
    }

    /// The end of a connection is the end of an answer without a length.
    fn ended(&self) -> Heard {
        match Head::read(&self.received) {
            Some(head) if head.end == End::Close => Heard::Answer {
                status: head.status,
                last: true,
            },
            _ => Heard::Gone,
        }
    }
}

/// The head of an answer.
struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    end: End,
    last: bool,
}

/// How the end of a body is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Length(usize),
    Chunked,
    Close,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
        let mut head = Self {
            status,
            body: 0,
            end: End::Close,
            last: false,
        };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            head.body += line.len();
            match line {
                b"\r\n" => {
                    if matches!(status, 204 | 304) {
                        head.end = End::Length(0);
                    }
                    return Some(head);
                }
                [b'c' | b'C' | b't' | b'T', ..] => head.learn(line),
                _ => {}
            }
        }
        None
    }

    fn learn(&mut self, line: &[u8]) {
        let value = |name: &str| {
            let (start, value) = line.split_at_checked(name.len())?;
            let is_named = start.eq_ignore_ascii_case(name.as_bytes());
            is_named.then(|| std::str::from_utf8(value).unwrap_or_default().trim())
        };
        if let Some(length) = value("content-length:") {
            self.end = length.parse().map_or(self.end, End::Length);
        } else if value("transfer-encoding:") == Some("chunked") {
            self.end = End::Chunked;
        } else if value("connection:") == Some("close") {
            self.last = true;
        }
    }
}

/// The answer, if these bytes are all of it.
fn whole(bytes: &[u8]) -> Option<Heard> {
    let head = Head::read(bytes)?;
    let is_whole = match head.end {
        End::Length(length) => bytes.len() >= head.body + length,
        End::Chunked => bytes.ends_with(b"0\r\n\r\n"),
        End::Close => false,
    };
    is_whole.then_some(Heard::Answer {
        status: head.status,
        last: head.last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let whole_with = |status, last| Some(Heard::Answer { status, last });
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(whole(length), whole_with(200, false));
        assert_eq!(whole(&length[..length.len() - 1]), None);
        assert_eq!(whole(&length[..30]), None);
        let chunks = b"HTTP/1.1 502 Bad\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(whole(chunks), whole_with(502, true));
        assert_eq!(whole(b"HTTP/1.1 204 No\r\n\r\n"), whole_with(204, false));
        assert_eq!(whole(b"HTTP/1.0 503 No\r\n\r\nuntil the end"), None);
    }
}
