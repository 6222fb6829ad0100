//! DNS that can be made to say nothing, to be away, and to lie.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use stoa_client::Resolver;

/// What it answers everybody.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Addresses(Vec<SocketAddr>),
    /// There is no such name, or no server.
    Away,
}

/// DNS as the trial wants it.
#[derive(Clone)]
pub(crate) struct Dns(Arc<Mutex<Answer>>);

impl Dns {
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(Mutex::new(Answer::Addresses(addresses))))
    }

    /// What it answers from now on.
    pub(crate) fn says(&self, answer: Answer) {
        *self.0.lock().expect("the lock") = answer;
    }

    pub(crate) fn resolver(&self) -> Resolver {
        let dns = self.clone();
        Resolver::new(move |_, _| {
            let answer = dns.0.lock().expect("the lock").clone();
            async {
                match answer {
                    Answer::Addresses(addresses) => Ok(addresses),
                    Answer::Away => Err(io::ErrorKind::TimedOut.into()),
                }
            }
        })
    }
}
