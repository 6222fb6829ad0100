//! The upstream: as cheap a server as can be, so that the proxies are what is measured.
//!
//! It knows no more of HTTP than that a request ends with an empty line: nobody sends it a body.

use crate::poller::Poller;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// The number of the listener; connections count from 1.
const LISTENER: usize = 0;
/// More than the head of any request here.
const READ: usize = 16 << 10;
const BODY: usize = 200;
/// What our gateway asks an address now and then: whose it is.
const IDENTITY: &[u8] = b"GET /internal/v1/identity ";
const NAME: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{\"service\":\"bench\"}";

/// Serves until the process is killed.
pub(crate) fn serve(listen: SocketAddr, empty: bool) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new()?;
    poller.add(&listener, LISTENER)?;
    let mut server = Server {
        connections: Vec::new(),
        free: Vec::new(),
        answer: answer(empty),
    };
    let mut ready = Vec::new();
    loop {
        poller.wait(None, &mut ready)?;
        for number in &ready {
            match *number {
                LISTENER => server.accept(&listener, &poller)?,
                number => server.attend(number - 1),
            }
        }
    }
}

fn answer(empty: bool) -> Vec<u8> {
    if empty {
        return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 200\r\n\r\n";
    let frame = r#"{"text":""}"#.len();
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(BODY - frame));
    [head.as_bytes(), body.as_bytes()].concat()
}

struct Server {
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// The beginning of a request that came in pieces.
    begun: Vec<u8>,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener, poller: &Poller) -> anyhow::Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // It has gone again.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error.into()),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or(self.connections.len());
            poller.add(&stream, at + 1)?;
            let connection = Some(Connection {
                stream,
                begun: Vec::new(),
            });
            match self.connections.get_mut(at) {
                Some(slot) => *slot = connection,
                None => self.connections.push(connection),
            }
        }
    }

    fn attend(&mut self, at: usize) {
        let Some(connection) = self.connections.get_mut(at).and_then(Option::as_mut) else {
            return;
        };
        if connection.answer(&self.answer).is_none() {
            self.connections[at] = None;
            self.free.push(at);
        }
    }
}

impl Connection {
    /// Answers what has come; `None` when the client is gone.
    fn answer(&mut self, answer: &[u8]) -> Option<()> {
        let mut buffer = [0; READ];
        let read = match self.stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
            Err(_) => return None,
        };
        if read.starts_with(IDENTITY) {
            return self.stream.write_all(NAME).ok();
        }
        if self.begun.is_empty() && read.ends_with(b"\r\n\r\n") {
            return self.stream.write_all(answer).ok();
        }
        self.begun.extend_from_slice(read);
        if self.begun.ends_with(b"\r\n\r\n") {
            self.begun.clear();
            return self.stream.write_all(answer).ok();
        }
        Some(())
    }
}
