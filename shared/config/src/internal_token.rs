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
            .required()?;
        // What else it holds cannot be sent in a header, or does not come as it went.
        let text = token.expose_secret();
        let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_plain || text.trim() != text {
            env.refuse(
                "INTERNAL_TOKEN",
                "must have visible ASCII characters, and no space around them",
            );
        }
        Some(Self(token))
    }
}
