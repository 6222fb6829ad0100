//! The tunnel of a WebSocket: bytes both ways, and a proper end.
//!
//! The gateway does not take part in the conversation, but when it has to end before it, the
//! client must hear that it may come back at once (close code 1012), and not wonder about a
//! broken connection; and when its session or key is revoked, that this is over (1008). A close frame
//! may stand between any two frames, so all that has to be known of the stream toward the client is
//! where its frames end.

use crate::front::Switch;
use crate::upstream::Connection;
use futures_util::FutureExt as _;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Nobody leaves a chat open for longer without a word; who does connects again.
const IDLE_LIMIT: Duration = Duration::from_hours(1);
/// How long the end of a frame is waited for, and then that the client closes too.
const FAREWELL: Duration = Duration::from_secs(2);
/// What is read at a time.
const BUFFER: usize = 8 << 10;
/// Why the gateway ends a conversation.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// The process ends.
    Restart,
    /// The session or key was revoked.
    Revoked,
}

impl End {
    /// A final close frame of a server, with two bytes (RFC 6455, 5.5.1 and the IANA registry of close codes): 1012, service
    /// restart, or 1008, policy violation.
    fn frame(self) -> [u8; 4] {
        match self {
            Self::Restart => [0x88, 2, 0x03, 0xF4],
            Self::Revoked => [0x88, 2, 0x03, 0xF0],
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Carries bytes until one side ends, or until `end` and the farewell that follows.
pub(crate) async fn run(
    client: Switch,
    upstream: Connection,
    end: impl Future<Output = End>,
) -> Result<(), BoxError> {
    let (client_reads, client_writes) = tokio::io::split(limited(client.done().await?));
    let (upstream_reads, upstream_writes) = tokio::io::split(limited(upstream));
    let mut up = pin!(toward_upstream(client_reads, upstream_writes));
    let end = end.shared();
    let mut down = pin!(async {
        tokio::select! {
            ended = toward_client(upstream_reads, client_writes, end.clone()) => ended,
            () = overdue(end.clone()) => Err(io::ErrorKind::TimedOut.into()),
        }
    });
    let ended = tokio::select! {
        ended = &mut down => {
            // Now the client closes too, and the service hears of it.
            let _ = tokio::time::timeout(FAREWELL, up).await;
            ended
        }
        // What the service has said before it notices is still for the client.
        told = &mut up => down.await.and(told),
    };
    Ok(ended?)
}

async fn overdue(end: impl Future<Output = End>) {
    end.await;
    tokio::time::sleep(FAREWELL).await;
}

fn limited<I>(io: I) -> impl AsyncRead + AsyncWrite + Send + Unpin
where
    I: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut io = tokio_io_timeout::TimeoutStream::new(io);
    io.set_read_timeout(Some(IDLE_LIMIT));
    io.set_write_timeout(Some(IDLE_LIMIT));
    Box::pin(io)
}

/// What the client still says reaches the service, its answer to our close included.
async fn toward_upstream(
    mut client: impl AsyncRead + Unpin,
    mut upstream: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let copied = tokio::io::copy(&mut client, &mut upstream).await;
    upstream.shutdown().await?;
    copied.map(drop)
}

async fn toward_client(
    mut upstream: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    mut end: impl Future<Output = End> + Unpin,
) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut buffer = vec![0; BUFFER];
    let mut ending: Option<End> = None;
    loop {
        if let Some(end) = ending.filter(|_| frames.is_between()) {
            client.write_all(&end.frame()).await?;
            break;
        }
        let read = tokio::select! {
            biased;
            why = &mut end, if ending.is_none() => {
                ending = Some(why);
                continue;
            }
            read = upstream.read(&mut buffer) => read?,
        };
        if read == 0 {
            break;
        }
        let mut bytes = &buffer[..read];
        if ending.is_some() {
            // Only to the end of this frame; the close comes next.
            bytes = &bytes[..frames.first_end(bytes)];
        }
        frames.pass(bytes);
        client.write_all(bytes).await?;
    }
    client.shutdown().await
}

/// Where a stream of WebSocket frames is (RFC 6455, 5.2).
#[derive(Clone, Copy, Debug, Default)]
struct Frames {
    /// The first bytes of the header of a frame, as far as they have come.
    header: [u8; 10],
    received: usize,
    /// What follows the length: the mask, if there is one, and the payload.
    rest: u64,
}

impl Frames {
    /// Whether one frame has ended and none has begun.
    fn is_between(&self) -> bool {
        self.received == 0 && self.rest == 0
    }

    /// Follows these bytes.
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// How many of these bytes belong to the frame that is under way, if it ends in them; else all.
    fn first_end(mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() {
            passed += self.step(&bytes[passed..]);
            if self.is_between() {
                break;
            }
        }
        passed
    }

    /// Follows the bytes up to the next border, at least one; gives their number.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.rest > 0 {
            let rest = usize::try_from(self.rest).unwrap_or(usize::MAX);
            let passed = bytes.len().min(rest);
            self.rest -= passed as u64;
            return passed;
        }
        self.header[self.received] = bytes[0];
        self.received += 1;
        if let Some(rest) = self.announced() {
            self.received = 0;
            self.rest = rest;
        }
        1
    }

    /// The number of bytes after the header, when it is complete.
    fn announced(&self) -> Option<u64> {
        if self.received < 2 {
            return None;
        }
        let [_, second, length @ ..] = self.header;
        let (needed, length) = match second & 0x7F {
            126 => (4, u64::from(u16::from_be_bytes([length[0], length[1]]))),
            127 => (10, u64::from_be_bytes(length)),
            short => (2, u64::from(short)),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        (self.received == needed).then(|| length.saturating_add(mask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame of a server with a payload of this length.
    fn frame(length: u16) -> Vec<u8> {
        let mut frame = match u8::try_from(length) {
            Ok(short) if short < 126 => vec![0x81, short],
            _ => [vec![0x81, 126], length.to_be_bytes().to_vec()].concat(),
        };
        frame.resize(frame.len() + usize::from(length), b'x');
        frame
    }

    #[test]
    fn the_ends_of_frames_are_found_however_the_bytes_come() {
        for piece in [1, 2, 3, 7, 1000] {
            let mut frames = Frames::default();
            let (mut passed, mut ends) = (0, Vec::new());
            let bytes = [frame(0), frame(5), frame(125), frame(126), frame(300)].concat();
            for mut piece in bytes.chunks(piece) {
                while !piece.is_empty() {
                    let end = frames.first_end(piece);
                    frames.pass(&piece[..end]);
                    passed += end;
                    if frames.is_between() {
                        ends.push(passed);
                    }
                    piece = &piece[end..];
                }
            }
            assert_eq!(ends, [2, 9, 136, 266, 570]);
        }
    }

    #[test]
    fn long_and_masked_frames_are_followed() {
        let mut frames = Frames::default();
        let long = [[0x82, 127].as_slice(), &70_000_u64.to_be_bytes()].concat();
        frames.pass(&long);
        frames.pass(&vec![0; 69_999]);
        assert!(!frames.is_between());
        frames.pass(&[0]);
        assert!(frames.is_between());
        frames.pass(&[0x81, 0x81, 1, 2, 3, 4]);
        assert!(!frames.is_between());
        frames.pass(&[9]);
        assert!(frames.is_between());
    }

    proptest! {
        /// Frames of any length, masked or not, cut anywhere: every end is found, no other.
        #[test]
        fn every_end_is_found_for_any_split(
            frames in proptest::collection::vec((0..700_usize, any::<bool>(), 0..3_u8), 1..6),
            cuts in proptest::collection::vec(1..300_usize, 1..40),
        ) {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (length, masked, long) in frames {
                bytes.extend(any_frame(length, masked, long));
                expected.push(bytes.len());
            }
            let (mut follower, mut at, mut ends) = (Frames::default(), 0, Vec::new());
            for cut in cuts.iter().cycle() {
                let mut piece = &bytes[at..bytes.len().min(at + cut)];
                if piece.is_empty() {
                    break;
                }
                while !piece.is_empty() {
                    let end = follower.first_end(piece);
                    follower.pass(&piece[..end]);
                    at += end;
                    piece = &piece[end..];
                    if follower.is_between() {
                        ends.push(at);
                    }
                }
            }
            prop_assert_eq!(ends, expected);
        }

        /// Whatever a service sends, it is followed to its last byte.
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut frames = Frames::default();
            let end = frames.first_end(&bytes);
            prop_assert!(end <= bytes.len());
            frames.pass(&bytes);
        }
    }

    /// A frame whose length is spelled in the shortest way or, as servers may not but do, longer.
    fn any_frame(length: usize, masked: bool, long: u8) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let head = match (u8::try_from(length), long) {
            (Ok(short), 0) if short < 126 => vec![short],
            (_, 2) => [&[127][..], &(length as u64).to_be_bytes()].concat(),
            _ => {
                let length = u16::try_from(length).expect("a short frame");
                [&[126][..], &length.to_be_bytes()].concat()
            }
        };
        let mut frame = [vec![0x82], head].concat();
        frame[1] |= mask;
        let rest = length + if masked { 4 } else { 0 };
        frame.resize(frame.len() + rest, 0x81);
        frame
    }
}
