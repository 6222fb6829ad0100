//! The token with which the services of one platform talk to each other.

use secrecy::{ExposeSecret, SecretString};

use crate::{Env, Settings};

/// The bearer token of every `/internal/*` route: the caller sends it, the callee compares it.
#[derive(Debug, Clone)]
pub struct InternalToken(SecretString);

impl InternalToken {
    /// A token from text, for tests.
    pub fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// The token itself, to be sent or compared.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Settings for InternalToken {
    fn read(env: &mut Env) -> Option<Self> {
        let token = env
            .secret("INTERNAL_TOKEN", "bearer token of the /internal routes")
            .required();
        Some(Self(token?))
    }
}
