//! The side of a queue where jobs are taken out.

use super::entry::{self, EntryId};
use super::keys::{GROUP, Keys};
use super::lease::Leases;
use super::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, create_group, millis, no_group, scripts};
use crate::QueueError;
use crate::backend::{Delivery, Receipt};
use crate::envelope::Message;
use crate::worker;
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::streams::StreamReadOptions;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisResult, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How long a read waits for a job. It bounds how late a delayed job starts and how long a
/// worker takes to notice that it shall stop: a read is never cut off, because what the server has
/// handed out by then would be stranded.
const BLOCK: Duration = Duration::from_millis(500);
/// How often it is looked for delayed jobs that are due, while others keep the reader busy.
const LOOK: Duration = Duration::from_millis(50);
/// How many delayed jobs one step moves.
const PROMOTED_AT_ONCE: usize = 500;
/// Consumers of workers that are gone are removed after this time.
const CONSUMER_IDLE: Duration = Duration::from_hours(1);

/// An entry's id, how often it was handed out before, its head and its body.
type Reclaimed = (String, u16, Vec<u8>, Vec<u8>);

/// Reads one queue.
pub(crate) struct RedisReader {
    client: Client,
    link: ConnectionManager,
    keys: Keys,
    lease: Duration,
    leases: Arc<Leases>,
    /// The connection of the blocking reads; made again after an error.
    reading: Option<MultiplexedConnection>,
    /// Where the search for silent workers goes on, and when.
    cursor: String,
    next_search: Instant,
    /// When the next delayed job is due, as far as is known, and when to look again.
    due: Option<Instant>,
    next_look: Instant,
    _heartbeat: AbortOnDropHandle<()>,
}

impl RedisReader {
    pub(super) fn new(
        queue: &'static str,
        client: Client,
        link: ConnectionManager,
        keys: Keys,
        lease: Duration,
    ) -> Self {
        let leases = Leases::new(queue, link.clone(), keys.clone(), worker::name(), lease);
        let heartbeat = leases.heartbeat();
        let (cursor, next_search) = ("0-0".to_owned(), Instant::now());
        let reading = None;
        Self {
            client,
            link,
            keys,
            lease,
            leases,
            reading,
            cursor,
            next_search,
            due: None,
            next_look: next_search,
            _heartbeat: heartbeat,
        }
    }

    pub(crate) async fn next(&mut self, free: usize) -> Result<Vec<Delivery>, QueueError> {
        match self.try_next(free).await {
            Ok(deliveries) => Ok(deliveries),
            Err(error) if no_group(&error) => {
                create_group(&mut self.link, &self.keys).await?;
                Ok(Vec::new())
            }
            Err(error) => {
                self.reading = None;
                Err(error.into())
            }
        }
    }

    pub(crate) async fn close(self) {
        let mut call = scripts::LEAVE.key(&self.keys.stream);
        call.arg(GROUP).arg(&self.leases.consumer);
        // A name that stays behind is removed by the next worker that tidies up.
        let _: RedisResult<i64> = call.invoke_async(&mut self.link.clone()).await;
    }

    async fn try_next(&mut self, free: usize) -> RedisResult<Vec<Delivery>> {
        if Instant::now() >= self.next_look {
            let due = self.promote().await?;
            self.due = due.map(|due| Instant::now() + due);
            self.next_look = Instant::now() + due.map_or(LOOK, |due| due.min(LOOK));
        }
        if Instant::now() >= self.next_search {
            let reclaimed = self.reclaim(free).await?;
            if !reclaimed.is_empty() {
                return Ok(reclaimed);
            }
        }
        let due = self.due.map(|due| due.duration_since(Instant::now()));
        self.read(free, due.map_or(BLOCK, |due| due.min(BLOCK)))
            .await
    }

    /// Moves the delayed jobs that are due; says when the next one is.
    async fn promote(&mut self) -> RedisResult<Option<Duration>> {
        let mut call = scripts::PROMOTE.arg(PROMOTED_AT_ONCE);
        let due: i64 = call
            .key(&self.keys.all())
            .invoke_async(&mut self.link)
            .await?;
        Ok(u64::try_from(due).ok().map(Duration::from_millis))
    }

    /// Takes over what silent workers hold.
    async fn reclaim(&mut self, free: usize) -> RedisResult<Vec<Delivery>> {
        let since = self.leases.known_time();
        let mut call = scripts::RECLAIM.key(&self.keys.stream);
        call.arg(GROUP).arg(&self.leases.consumer);
        call.arg(millis(self.lease)).arg(&self.cursor).arg(free);
        let (cursor, entries): (String, Vec<Reclaimed>) = call.invoke_async(&mut self.link).await?;
        if cursor == "0-0" {
            // Once round: look again in half a lease, every worker at another time.
            self.next_search =
                Instant::now() + self.lease.mul_f64(0.4 + 0.2 * rand::random::<f64>());
            self.tidy().await?;
        }
        self.cursor = cursor;
        let deliveries = entries
            .into_iter()
            .filter_map(|(entry, earlier, head, body)| {
                let entry = EntryId::read(&entry)?;
                Some(self.delivery(entry, since, Message { head, body }, earlier))
            });
        Ok(deliveries.collect())
    }

    async fn tidy(&mut self) -> RedisResult<()> {
        let mut call = scripts::TIDY.key(&self.keys.stream);
        call.arg(GROUP)
            .arg(millis(CONSUMER_IDLE))
            .invoke_async(&mut self.link)
            .await
    }

    async fn read(&mut self, free: usize, block: Duration) -> RedisResult<Vec<Delivery>> {
        let block = usize::try_from(block.as_millis().max(1)).expect("half a second fits");
        let options = StreamReadOptions::default()
            .group(GROUP, &self.leases.consumer)
            .count(free)
            .block(block);
        let stream = self.keys.stream.clone();
        let since = self.leases.known_time();
        let command = Cmd::xread_options(&[stream.as_str()], &[">"], &options);
        let reading = self.reading().await?;
        let read = match reading.send_packed_command(&command).await? {
            // It stands alone. What else asks goes through all of the answer for one.
            error @ Value::ServerError(_) => error.extract_error()?,
            read => read,
        };
        let entries = entry::entries(read).into_iter();
        Ok(entries
            .map(|(entry, message)| self.delivery(entry, since, message, 0))
            .collect())
    }

    fn delivery(&self, entry: EntryId, since: u64, message: Message, earlier: u16) -> Delivery {
        let (lease, receipt) = self.leases.hold(entry, since);
        Delivery {
            message,
            earlier,
            lease,
            receipt: Receipt::Redis(receipt),
            room: None,
        }
    }

    async fn reading(&mut self) -> RedisResult<&mut MultiplexedConnection> {
        if self.reading.is_none() {
            // The default timeout of 500 ms would abandon reads whose jobs then are stranded.
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(Some(BLOCK + RESPONSE_TIMEOUT));
            let connection = self
                .client
                .get_multiplexed_async_connection_with_config(&config);
            self.reading = Some(connection.await?);
        }
        Ok(self.reading.as_mut().expect("it was just made"))
    }
}
