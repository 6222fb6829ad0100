//! HTTP/1 toward clients: one request after the other, all by the task of the connection.

mod answer;
mod date;
mod link;

pub(crate) use link::{Kept, Link};

use super::{Lane, http2};
use crate::body::{Given, Received};
use crate::exchange::{self, From};
use crate::framing::{Framing, Head, Refusal};
use answer::Asked;
use futures_util::FutureExt as _;
use http::{Method, Response, StatusCode, Version};
use link::Next;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_service::Problem;
use tokio::sync::watch;

/// How long a client that has just connected may take to ask, when the process is ending.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// How long a client may take to read the last answer, and to notice that it is.
const LINGER: Duration = Duration::from_secs(2);

/// The connection of a request that asks for another protocol; an extension of the request.
#[derive(Clone)]
pub(crate) struct Switch {
    link: Link,
    agreed: watch::Receiver<bool>,
}

impl Switch {
    /// The connection, once the answer that agrees has been written; then it is nobody else's.
    pub(crate) async fn done(mut self) -> io::Result<Link> {
        let agreed = self.agreed.wait_for(|agreed| *agreed).await;
        let agreed = agreed.map(drop);
        agreed.map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted))?;
        Ok(self.link)
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(lane: Arc<Lane>, link: Link, from: From) {
    let shutdown = lane.shutdown.clone();
    let mut ending = Ending {
        shutdown: pin!(shutdown.cancelled()),
        has_asked: false,
        waits: false,
    };
    loop {
        match ending.next(&lane, &link).await {
            Next::Request(head) => match exchange(&lane, &link, from, head).await {
                Ok(After::Next) => {}
                Ok(After::Close) => return link.close(LINGER).await,
                Ok(After::Switched) => return,
                Err(error) => {
                    // Clients break off; that is no event for an operator.
                    tracing::debug!(%error, "a connection broke off");
                    return;
                }
            },
            Next::Http2 => return Box::pin(http2::serve(lane, link, from)).await,
            Next::Doubt(doubt) => {
                doubt.count();
                return refuse(&lane, &link, Refusal::from(doubt).into()).await;
            }
            Next::Late(true) => {
                let detail = "The head of the request did not come in time.";
                let problem = Problem::new(ErrorCode::Invalid, detail);
                let problem = problem.with_status(StatusCode::REQUEST_TIMEOUT);
                return refuse(&lane, &link, problem).await;
            }
            Next::Late(false) | Next::Nothing => return link.close(LINGER).await,
        }
    }
}

/// Whether the process ends, seen from one connection.
struct Ending<F> {
    shutdown: F,
    has_asked: bool,
    /// Whether it has been asked for.
    waits: bool,
}

impl<F: Future<Output = ()>> Ending<Pin<&mut F>> {
    /// What comes next; nothing, when the process ends and no request has begun to come.
    async fn next(&mut self, lane: &Lane, link: &Link) -> Next {
        let patience = lane.gateway.head_timeout;
        let next = poll_fn(|context| {
            // First, so that a request which has arrived is seen before the end is.
            if let Poll::Ready(next) = link.poll_next(context, patience) {
                return Poll::Ready(next);
            }
            if !self.has_come(lane, context) {
                return Poll::Pending;
            }
            if self.has_asked && link.is_idle() {
                return Poll::Ready(Next::Nothing);
            }
            // Who is slow to ask does not hold up the end for long.
            link.hurry(FIRST_REQUEST);
            link.poll_next(context, patience)
        });
        let next = next.await;
        self.has_asked = true;
        next
    }

    fn has_come(&mut self, lane: &Lane, context: &mut Context<'_>) -> bool {
        // Once it waits it wakes this task when the end comes; until then there is nothing to ask it.
        if self.waits {
            return lane.shutdown.is_cancelled();
        }
        self.waits = true;
        self.shutdown.as_mut().poll(context).is_ready()
    }
}

/// What becomes of a connection after an answer.
enum After {
    Next,
    Close,
    Switched,
}

async fn exchange(lane: &Lane, link: &Link, from: From, head: Head) -> io::Result<After> {
    let mut asked = Asked::by(head.request.method(), head.request.version(), head.keeps);
    let has_body = head.framing != Framing::Length(0);
    let mut request = head.request.map(|()| {
        if has_body {
            Received::Http1(link.clone())
        } else {
            Received::Nothing
        }
    });
    let agree = head.asks_upgrade.then(|| {
        let (agree, agreed) = watch::channel(false);
        let link = link.clone();
        request.extensions_mut().insert(Switch { link, agreed });
        agree
    });
    // Pinned where it is made: it is large, and to move it costs as much as a good part of the work.
    let work = pin!(exchange::answer(lane, from, request));
    let mut work = AssertUnwindSafe(work).catch_unwind();
    let Some(answered) = link.unless_gone(Pin::new(&mut work)).await else {
        return Err(io::ErrorKind::ConnectionAborted.into());
    };
    let (response, added) = match answered {
        Ok((response, added)) => (response, Some(added)),
        Err(_panic) => {
            let problem = Problem::new(ErrorCode::Internal, ErrorCode::Internal.title());
            (exchange::refusal(problem), None)
        }
    };
    let is_switch = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let is_between = !has_body || link.is_between();
    asked.keeps &= is_between && !lane.draining.is_cancelled();
    let patience = lane.gateway.body_idle;
    let keeps = answer::write(link, response, added, asked, patience).await?;
    if let Some(agree) = agree.filter(|_| is_switch) {
        agree.send_replace(true);
        return Ok(After::Switched);
    }
    Ok(if keeps { After::Next } else { After::Close })
}

/// Answers what is no request, and ends: what follows it may be anything.
async fn refuse(lane: &Lane, link: &Link, problem: Problem) {
    let asked = Asked::by(&Method::GET, Version::HTTP_11, false);
    let response: Response<Given> = exchange::refusal(problem);
    let written = answer::write(link, response, None, asked, lane.gateway.body_idle).await;
    if written.is_ok() {
        link.close(LINGER).await;
    }
}
