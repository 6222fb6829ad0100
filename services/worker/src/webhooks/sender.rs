//! Posts a message to an endpoint that an account has chosen.

use super::signature::{SecretError, signature};
use reqwest::{Method, StatusCode, header};
use stoa_client::egress::{self, Egress, EgressError, EgressRules};
use stoa_contracts::webhooks::WebhookMessage;
use time::OffsetDateTime;
use uuid::Uuid;

/// Much more than a polite answer; the rest is not read.
const ANSWER_LIMIT: usize = 16 * 1024;

/// Posts messages. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    egress: Egress,
}

/// Why a message was not delivered, in words for the webhook's owner.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("The endpoint is gone (410).")]
    Gone,
    #[error("The endpoint answered {0}; redirects are not followed.")]
    Redirect(u16),
    #[error("The endpoint answered {0}.")]
    Refused(u16),
    #[error("The message could not be signed.")]
    Secret(#[from] SecretError),
}

impl SendError {
    /// Whether the same may go well later.
    pub(super) fn is_for_now(&self) -> bool {
        match self {
            Self::Egress(error) => error.is_for_now(),
            Self::Gone | Self::Secret(_) => false,
            Self::Redirect(_) | Self::Refused(_) => true,
        }
    }

    /// Whether the URL leads where it may not.
    pub(super) fn is_forbidden(&self) -> bool {
        use EgressError::{Forbidden, PrivateName};
        matches!(self, Self::Egress(Forbidden | PrivateName))
    }

    /// The status that was answered, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Gone => Some(StatusCode::GONE.as_u16()),
            Self::Redirect(status) | Self::Refused(status) => Some(*status),
            _ => None,
        }
    }
}

impl Sender {
    pub(super) fn new(rules: EgressRules) -> Self {
        let agent = concat!("Stoa-Webhooks/", env!("CARGO_PKG_VERSION"));
        Self {
            egress: Egress::new(agent, rules, 0),
        }
    }

    /// Posts a message, signed at `now`; the status with which it was taken.
    pub(super) async fn send(
        &self,
        id: Uuid,
        message: &WebhookMessage,
        now: OffsetDateTime,
    ) -> Result<u16, SendError> {
        let request = self.egress.request(Method::POST, &message.url)?;
        let (id, timestamp) = (id.to_string(), now.unix_timestamp());
        let signature = signature(&message.secret, &id, timestamp, &message.body)?;
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        let response = self.egress.send(request).await?;
        let status = response.status();
        // What it says is of no interest, how it ends neither.
        let _ = egress::read(response, ANSWER_LIMIT).await;
        match status.as_u16() {
            taken @ 200..=299 => Ok(taken),
            410 => Err(SendError::Gone),
            elsewhere @ 300..=399 => Err(SendError::Redirect(elsewhere)),
            other => Err(SendError::Refused(other)),
        }
    }
}
