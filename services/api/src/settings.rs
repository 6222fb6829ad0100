//! What can be configured.

use std::time::Duration;

use stoa_client::ServiceUrl;
use stoa_config::{Env, InternalToken, SecretString};
use stoa_postgres::PostgresSettings;
use stoa_service::{Operators, TokenSettings, TokenSigner};
use uuid::Uuid;

use crate::oidc::OidcSettings;

/// The settings of `serve`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub postgres: PostgresSettings,
    /// Where `worker` answers, who takes jobs.
    pub worker_url: String,
    /// Guards `/internal`, here and there.
    pub internal_token: InternalToken,
    /// Whether webhooks may be `http`, for tests and networks of one's own.
    pub webhook_http: bool,
    /// Whether engines may be `http`.
    pub engine_http: bool,
    /// How long API keys are kept after they were revoked.
    pub api_key_retention: Duration,
    /// How long an utterance stays in the inbox after it was last said.
    pub inbox_retention: Duration,
    /// Signs access tokens: an Ed25519 private key, PKCS#8 in PEM.
    pub signing_key: SecretString,
    /// What verifies them, here as everywhere: while the key is being changed, more than that of `signing_key`.
    pub tokens: TokenSettings,
    /// Who may make accounts.
    pub operators: Operators,
    /// The OpenID provider that people may sign in with.
    pub oidc: Option<OidcSettings>,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let postgres = PostgresSettings::read(env);
        let worker_url = ServiceUrl::read(env, "WORKER_URL", "worker");
        let internal_token = InternalToken::read(env);
        let http = env.parse(
            "WEBHOOK_HTTP",
            "whether webhooks may be http, not https only",
        );
        let webhook_http = http.default("false").read();
        let http = env.parse("ENGINE_HTTP", "whether engines may be http, not https only");
        let engine_http = http.default("false").read();
        let retention = env.duration("API_KEY_RETENTION", "how long revoked API keys are kept");
        let api_key_retention = retention.default("90d").read();
        let inbox = env.duration(
            "INBOX_RETENTION",
            "how long an utterance stays in the inbox after it was last said",
        );
        let inbox_retention = inbox.default("90d").read();
        let key = env.secret(
            "TOKEN_SIGNING_KEY",
            "private key of access tokens (PEM, Ed25519)",
        );
        let signing_key = key.required();
        if let Some(Err(error)) = signing_key.as_ref().map(TokenSigner::new) {
            env.refuse("TOKEN_SIGNING_KEY", &error.to_string());
        }
        let tokens = TokenSettings::read(env);
        let operators = Operators::read(
            env,
            "the account whose owners may make accounts, as BOOTSTRAP_ACCOUNT names it; nobody if it is left out",
        );
        let oidc = OidcSettings::read(env);
        Some(Self {
            postgres: postgres?,
            worker_url: worker_url?,
            internal_token: internal_token?,
            webhook_http: webhook_http?,
            engine_http: engine_http?,
            api_key_retention: api_key_retention?,
            inbox_retention: inbox_retention?,
            signing_key: signing_key?,
            tokens: tokens?,
            operators: operators?,
            oidc: oidc?,
        })
    }
}

/// The settings of `migrate`.
#[derive(Debug, Clone)]
pub struct MigrateSettings {
    /// The database.
    pub postgres: PostgresSettings,
    /// The user to create where there is none.
    pub bootstrap: Option<Owner>,
}

/// The first user of an installation.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The id of the account, for who must know it before it is there; any if there is none.
    pub account: Option<Uuid>,
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: SecretString,
}

impl stoa_config::Settings for MigrateSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let postgres = PostgresSettings::read(env);
        let email = env.text(
            "BOOTSTRAP_EMAIL",
            "e-mail of the owner to create if there is no user",
        );
        let email = email.optional();
        let password = env
            .secret("BOOTSTRAP_PASSWORD", "password of that owner")
            .optional();
        let account = env.parse(
            "BOOTSTRAP_ACCOUNT",
            "id of the account of that owner, as OPERATOR_ACCOUNT names it; any if it is left out",
        );
        let account = account.optional();
        Some(Self {
            postgres: postgres?,
            bootstrap: owner(account?, email?, password?),
        })
    }
}

fn owner(
    account: Option<Uuid>,
    email: Option<String>,
    password: Option<SecretString>,
) -> Option<Owner> {
    let (email, password) = email.zip(password)?;
    Some(Owner {
        account,
        email,
        password,
    })
}

#[cfg(test)]
mod tests {
    use stoa_testing::keys;

    use super::*;

    #[test]
    fn a_signing_key_that_is_none_is_refused_by_name() {
        let told = |key: &str| {
            let read = Env::from_pairs([("TOKEN_SIGNING_KEY", key)]).load::<Settings>();
            let problems = read.expect_err("most is missing").to_string();
            problems.contains("TOKEN_SIGNING_KEY is not valid")
        };
        assert!(told("a key") && told(keys::VERIFYING_KEY));
        assert!(!told(keys::SIGNING_KEY));
    }
}
