//! How people sign in through an OpenID provider, if they do.

use stoa_config::{Env, SecretString, Setting};
use stoa_contracts::identity::Role;
use uuid::Uuid;

/// A provider that people sign in with.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// What the provider calls itself; its discovery document is below.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// With what we prove it; a public client has none.
    pub client_secret: Option<SecretString>,
    /// The page of the console that the provider leads back to.
    pub redirect_url: String,
    /// What the button says.
    pub name: String,
    /// Whether a user that exists is the one with the same verified address there.
    pub link_by_email: bool,
    /// The account in which people become users who are none yet; they are refused if there is none.
    pub account: Option<Uuid>,
}

/// What new users of that account may do: an owner gives them more.
pub(crate) const NEW_USER_ROLE: Role = Role::Viewer;

impl OidcSettings {
    /// Reads the settings; the inner `None` is "no provider".
    #[expect(
        clippy::option_option,
        reason = "outer: whether it could be read; inner: whether it is set"
    )]
    pub(crate) fn read(env: &mut Env) -> Option<Option<Self>> {
        let issuer = env.http_url(
            "OIDC_ISSUER",
            "issuer URL of the OpenID provider to sign in with",
        );
        let issuer = issuer.optional()?;
        let is_on = issuer.is_some();
        let client_id = needed(
            env.text("OIDC_CLIENT_ID", "who we are at that provider"),
            is_on,
        );
        let redirect = env.http_url(
            "OIDC_REDIRECT_URL",
            "where the provider leads back to: `/sign-in/oidc` of the console",
        );
        let redirect_url = needed(redirect, is_on);
        let secret = env.secret(
            "OIDC_CLIENT_SECRET",
            "with what we prove it, if with anything",
        );
        let client_secret = secret.optional();
        let name = env.text(
            "OIDC_NAME",
            "what the provider is called on the sign-in page",
        );
        let name = name.default("OpenID Connect").read();
        let link = env.parse(
            "OIDC_LINK_BY_EMAIL",
            "whether a user is who has the same verified e-mail address at the provider",
        );
        let link_by_email = link.default("false").read();
        let account = env.parse(
            "OIDC_ACCOUNT",
            "id of the account in which people become users who are none yet; none are made if it is left out",
        );
        let account = account.optional();
        let (client_id, redirect_url, client_secret) = (client_id?, redirect_url?, client_secret?);
        let (name, link_by_email, account) = (name?, link_by_email?, account?);
        let provider = issuer.zip(client_id).zip(redirect_url);
        Some(provider.map(|((issuer, client_id), redirect_url)| Self {
            issuer,
            client_id,
            client_secret,
            redirect_url,
            name,
            link_by_email,
            account,
        }))
    }
}

/// Reads what a provider cannot be without, if there is one.
#[expect(
    clippy::option_option,
    reason = "outer: whether it could be read; inner: whether it is set"
)]
fn needed(setting: Setting<'_, String>, is_on: bool) -> Option<Option<String>> {
    if is_on {
        return setting.required().map(Some);
    }
    setting.optional()
}
