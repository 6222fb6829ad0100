//! Acknowledgements of one channel, as many at a time as there are: one command speaks of all messages up to one. What is given
//! back is told one by one.

use crate::backend::{Room, Settled};
use crate::{batch, metrics};
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// The side that asks.
pub(super) struct Acks {
    pub(super) queue: &'static str,
    channel: Channel,
    sender: mpsc::UnboundedSender<Ack>,
    /// Messages that were handed out and not acknowledged.
    open: Arc<AtomicUsize>,
    _sending: AbortOnDropHandle<()>,
}

struct Ack {
    tag: u64,
    /// Whether the message is not done, and comes again.
    goes_back: bool,
    /// Dropped when it was sent, which lets the next job in.
    _room: Room,
    /// Who waits for whether it was sent.
    told: Option<oneshot::Sender<bool>>,
}

impl Acks {
    pub(super) fn new(queue: &'static str, channel: Channel) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let open = Arc::new(AtomicUsize::new(0));
        let sending = send(queue, channel.clone(), receiver, Arc::clone(&open));
        let sending = tokio::spawn(sending);
        Self {
            queue,
            channel,
            sender,
            open,
            _sending: AbortOnDropHandle::new(sending),
        }
    }

    /// Counts a message that was handed out.
    pub(super) fn expect_one(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages were handed out and not acknowledged.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether the channel is there: with it the right to what it has handed out ends.
    pub(super) fn are_possible(&self) -> bool {
        self.channel.status().connected()
    }

    /// Acknowledges the message with this delivery tag some time soon.
    pub(super) fn tell(&self, tag: u64, room: Room) {
        self.send(Ack {
            tag,
            goes_back: false,
            _room: room,
            told: None,
        });
    }

    /// Gives the message with this delivery tag back some time soon: it comes again, here or elsewhere.
    pub(super) fn give_back(&self, tag: u64) {
        self.send(Ack {
            tag,
            goes_back: true,
            _room: None,
            told: None,
        });
    }

    /// Acknowledges the message with this delivery tag.
    pub(super) async fn tell_and_wait(&self, tag: u64) -> Settled {
        let (told, sent) = oneshot::channel();
        self.send(Ack {
            tag,
            goes_back: false,
            _room: None,
            told: Some(told),
        });
        match sent.await {
            Ok(true) => Settled::Yes,
            Ok(false) | Err(_) => Settled::Lost,
        }
    }

    fn send(&self, ack: Ack) {
        // If nobody takes it, nobody tells either, and the message comes again.
        let _ = self.sender.send(ack);
    }
}

async fn send(
    queue: &'static str,
    channel: Channel,
    mut acks: mpsc::UnboundedReceiver<Ack>,
    open: Arc<AtomicUsize>,
) {
    let mut some = Vec::with_capacity(batch::AT_ONCE);
    let mut commands = Commands::default();
    while batch::fill(&mut acks, &mut some).await {
        let tags_of = |goes_back| {
            let those = some.iter().filter(|ack: &&Ack| ack.goes_back == goes_back);
            those.map(|ack| ack.tag).collect::<Vec<_>>()
        };
        let (back, done) = (tags_of(true), tags_of(false));
        let mut is_sent = true;
        for &tag in &back {
            let options = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            is_sent &= channel.basic_nack(tag, options).await.is_ok();
        }
        commands.settled(&back);
        for (tag, multiple) in commands.of(&done) {
            let options = BasicAckOptions { multiple };
            is_sent &= channel.basic_ack(tag, options).await.is_ok();
        }
        open.fetch_sub(some.len(), Ordering::Relaxed);
        for ack in some.drain(..) {
            match ack.told {
                // Who waited may be gone.
                Some(told) => drop(told.send(is_sent)),
                None if is_sent || ack.goes_back => {}
                None => metrics::leases_lost(queue, 1),
            }
        }
    }
}

/// What was acknowledged or given back so far. A channel numbers what it hands out from 1 on, without gaps.
#[derive(Default)]
struct Commands {
    /// Up to here everything was.
    through: u64,
    /// Beyond that, each by itself.
    beyond: BTreeSet<u64>,
}

impl Commands {
    /// The broker knows of these, one by one.
    fn settled(&mut self, tags: &[u64]) {
        self.beyond.extend(tags);
        while self.beyond.remove(&(self.through + 1)) {
            self.through += 1;
        }
    }

    /// The tags to send for these new ones, and whether one stands for all before it.
    fn of(&mut self, new: &[u64]) -> Vec<(u64, bool)> {
        self.settled(new);
        // The broker must not know the named one as acknowledged already.
        let (before, beyond): (Vec<_>, Vec<_>) = new.iter().partition(|tag| **tag <= self.through);
        let last = before.into_iter().max().map(|tag| (tag, true));
        let each = beyond.into_iter().map(|tag| (tag, false));
        last.into_iter().chain(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_speaks_of_all_up_to_the_first_gap() {
        let mut commands = Commands::default();
        assert_eq!(commands.of(&[2, 1, 3, 5]), [(3, true), (5, false)]);
        // 5 was said; 4 is the highest that was not.
        assert_eq!(commands.of(&[4]), [(4, true)]);
        assert_eq!(commands.of(&[7, 8]), [(7, false), (8, false)]);
        assert_eq!(commands.of(&[6]), [(6, true)]);
        assert_eq!(commands.of(&[9, 10]), [(10, true)]);
        // Of one that was given back, no command may speak by name.
        commands.settled(&[12]);
        assert_eq!(commands.of(&[11]), [(11, true)]);
        assert_eq!(commands.of(&[13]), [(13, true)]);
        assert!(commands.beyond.is_empty());
    }
}
