//! The keys of one queue.

/// The consumer group; there is one per queue.
pub(super) const GROUP: &str = "workers";

/// The keys of a queue, in one hash slot so that a script may touch all of them.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Stream of the jobs that wait or run; settled ones are deleted, so its length is the backlog.
    pub(super) stream: String,
    /// Sorted set of the job ids that wait for their time, by due time in milliseconds.
    pub(super) delayed: String,
    /// Hash of their messages.
    pub(super) messages: String,
    /// Stream of the dead letters.
    pub(super) dead: String,
}

impl Keys {
    pub(super) fn new(namespace: &str, queue: &str) -> Self {
        let key = |part: &str| format!("{{{namespace}:{queue}}}:{part}");
        Self {
            stream: key("jobs"),
            delayed: key("delayed"),
            messages: key("delayed:messages"),
            dead: key("dead"),
        }
    }

    /// In the order in which every script takes them.
    pub(super) fn all(&self) -> [&str; 4] {
        [&self.stream, &self.delayed, &self.messages, &self.dead]
    }
}
