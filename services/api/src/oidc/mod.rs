//! Signing in through an OpenID provider: the authorization code flow with PKCE.
//!
//! A sign-in begins here with a state, a nonce and a PKCE verifier that the provider and the
//! browser cannot know of one another, and a ticket that only the browser which began it has: so a
//! code that somebody else was given signs nobody in.

mod id_token;
mod people;
mod provider;
mod settings;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use stoa_contracts::{Coded, ErrorCode};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::Clock;
use time::{Duration, OffsetDateTime};
use url::Url;
use uuid::Uuid;

pub use settings::OidcSettings;

use crate::secrets;
use provider::Provider;

/// How long a person may take to sign in at the provider.
pub(crate) const KEPT: Duration = Duration::minutes(10);

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("This sign-in was not begun here, or has taken too long; begin it again.")]
    State,
    #[error("The provider does not accept the sign-in; begin it again.")]
    Refused(http::StatusCode),
    #[error("The id token of the provider is not valid: {0}.")]
    Token(&'static str),
    #[error("The id token of the provider is not valid.")]
    Signature(#[source] jsonwebtoken::errors::Error),
    #[error("The provider does not say that your e-mail address is yours.")]
    Email,
    #[error("You are no user here; ask an owner of the account.")]
    Stranger,
    #[error("the provider calls itself {0}, not as OIDC_ISSUER says")]
    Issuer(String),
    #[error("the provider says nothing of itself")]
    Discovery,
    #[error("the provider names a place that is no URL")]
    Place(#[from] url::ParseError),
    #[error("the answer of the provider is too large")]
    Large,
    #[error("the provider does not answer")]
    Away(#[from] reqwest::Error),
    #[error("the provider's answer is not what it should be")]
    Answer(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Coded for OidcError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::State | Self::Refused(_) | Self::Token(_) | Self::Signature(_) => {
                ErrorCode::Unauthenticated
            }
            Self::Email | Self::Stranger => ErrorCode::Forbidden,
            Self::Issuer(_) | Self::Place(_) => ErrorCode::Internal,
            Self::Discovery | Self::Large | Self::Away(_) | Self::Answer(_) => {
                ErrorCode::Unavailable
            }
            Self::Database(error) => error.code(),
        }
    }
}

/// Where the browser goes, and the ticket that it shows when it comes back.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) ticket: String,
}

/// Signs people in through a provider.
pub(crate) struct Oidc(Provider);

impl Oidc {
    pub(crate) fn new(settings: OidcSettings, clock: Clock) -> Self {
        Self(Provider::new(settings, clock))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Begins a sign-in.
    pub(crate) async fn begin(
        &self,
        pool: &PgPool,
        now: OffsetDateTime,
    ) -> Result<Begun, OidcError> {
        let discovery = self.0.discovery().await?;
        let [state, ticket, nonce, verifier] = std::array::from_fn(|_| secrets::random_token());
        let insert = sqlx::query!(
            "INSERT INTO oidc_authorizations (state_hash, ticket_hash, nonce, verifier, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            secrets::digest(&state),
            secrets::digest(&ticket),
            nonce,
            verifier,
            now,
        );
        traced("oidc_authorization.insert", insert.execute(pool)).await?;
        let mut url = Url::parse(&discovery.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.0.settings.client_id)
            .append_pair("redirect_uri", &self.0.settings.redirect_url)
            .append_pair("scope", "openid email")
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(Begun {
            url: url.into(),
            ticket,
        })
    }

    /// Ends a sign-in with what the provider gave the browser; the user who has signed in.
    pub(crate) async fn finish(
        &self,
        pool: &PgPool,
        (code, state, ticket): (&str, &str, &str),
        now: OffsetDateTime,
    ) -> Result<Uuid, OidcError> {
        // Gone with the first who asks: a code that was seen on its way is of no use to a second.
        let take = sqlx::query!(
            "DELETE FROM oidc_authorizations
             WHERE state_hash = $1 AND ticket_hash = $2 AND created_at > $3
             RETURNING nonce, verifier",
            secrets::digest(state),
            secrets::digest(ticket),
            now - KEPT,
        );
        let begun = traced("oidc_authorization.take", take.fetch_optional(pool)).await?;
        let begun = begun.ok_or(OidcError::State)?;
        let token = self.0.exchange(code, &begun.verifier).await?;
        let person = id_token::verify(&self.0, &token, &begun.nonce, now).await?;
        people::user_of(pool, &self.0.settings, &person, now).await
    }
}

/// What the provider is told of the verifier (RFC 7636, S256).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}
