//! A message as RabbitMQ carries it: the payload as body, the envelope in a header.

use crate::envelope::Message;
use crate::{DeadLetter, DeadReason};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use std::time::Duration;

/// The envelope, as JSON.
const HEAD: &str = "stoa-envelope";
/// Milliseconds that are still to be waited when the message leaves its tier.
const PAUSE_LEFT: &str = "stoa-pause-left";
/// Why a message is parked.
const REASON: &str = "stoa-dead-reason";
/// What the last failure said.
const ERROR: &str = "stoa-dead-error";
/// Set by quorum queues: how often the message was handed out before.
const DELIVERY_COUNT: &str = "x-delivery-count";
/// `delivery_mode` of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// What is sent along with a payload.
pub(super) fn properties(message: &Message, pause_left: Duration) -> BasicProperties {
    let mut headers = head(message);
    if !pause_left.is_zero() {
        let millis = i64::try_from(pause_left.as_millis()).unwrap_or(i64::MAX);
        headers.insert(PAUSE_LEFT.into(), AMQPValue::LongLongInt(millis));
    }
    persistent(headers)
}

/// What is sent along with a payload that is parked.
pub(super) fn dead_properties(
    message: &Message,
    reason: DeadReason,
    error: &str,
) -> BasicProperties {
    let mut headers = head(message);
    headers.insert(REASON.into(), text(reason.as_str()));
    headers.insert(ERROR.into(), text(error));
    persistent(headers)
}

/// The message of a delivery; a foreign one gives an empty head, which is then unreadable.
pub(super) fn message(delivery: Delivery) -> Message {
    Message {
        head: header(&delivery, HEAD).unwrap_or_default().into_bytes(),
        body: delivery.data,
    }
}

/// The parked job of a delivery from the dead letters.
pub(super) fn dead_letter(delivery: Delivery) -> DeadLetter {
    let reason = header(&delivery, REASON).unwrap_or_default();
    let error = header(&delivery, ERROR).unwrap_or_default();
    let message = message(delivery);
    DeadLetter {
        envelope: message.envelope().ok(),
        body: message.body,
        reason: DeadReason::from_stored(&reason),
        error,
    }
}

/// How long the message of a delivery has still to wait.
pub(super) fn pause_left(delivery: &Delivery) -> Duration {
    let millis = number(delivery, PAUSE_LEFT).and_then(|left| u64::try_from(left).ok());
    Duration::from_millis(millis.unwrap_or_default())
}

/// How often the message was handed out before, to workers that are gone or have given it back.
pub(super) fn earlier(delivery: &Delivery) -> u16 {
    number(delivery, DELIVERY_COUNT)
        .and_then(|count| u16::try_from(count).ok())
        .unwrap_or_default()
}

fn head(message: &Message) -> FieldTable {
    let mut headers = FieldTable::default();
    headers.insert(
        HEAD.into(),
        AMQPValue::LongString(message.head.clone().into()),
    );
    headers
}

fn persistent(headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers)
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn value<'d>(delivery: &'d Delivery, name: &str) -> Option<&'d AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(name)
}

fn header(delivery: &Delivery, name: &str) -> Option<String> {
    match value(delivery, name)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        _ => None,
    }
}

fn number(delivery: &Delivery, name: &str) -> Option<i64> {
    match *value(delivery, name)? {
        AMQPValue::LongLongInt(number) => Some(number),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        _ => None,
    }
}
