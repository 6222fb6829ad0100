//! Passwords: argon2id, on blocking threads, a few at a time.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use stoa_config::{ExposeSecret as _, SecretString};
use stoa_contracts::{Coded, ErrorCode};
use tokio::sync::Semaphore;

/// Passwords that are hashed at a time: each takes 19 MiB and 30 ms of a core.
const AT_A_TIME: usize = 2;
/// How long a sign-in waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// The hash of a password that nobody has, with the parameters of today: an unknown e-mail
/// address costs as much as a known one, so that the time does not tell which it is.
pub(crate) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3RvYS1uby1zdWNoLXVzZXI$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many sign-ins at a time.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The hasher refused, or a stored hash is broken.
    #[error("a password cannot be hashed")]
    Hash(#[from] argon2::password_hash::Error),
    /// A stored hash is not one.
    #[error("a stored password hash is broken")]
    Stored(#[source] argon2::password_hash::phc::Error),
    /// The thread that hashed it crashed.
    #[error("the hashing of a password crashed")]
    Crashed(#[from] tokio::task::JoinError),
}

impl Coded for PasswordError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::Unavailable,
            Self::Hash(_) | Self::Stored(_) | Self::Crashed(_) => ErrorCode::Internal,
        }
    }
}

/// Hashes and compares passwords; cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// A hasher with turns of its own.
    pub fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// The hash to store (a PHC string with its own salt).
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.in_turn(move || {
            let hash = Argon2::default().hash_password(password.expose_secret().as_bytes())?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is right; without a stored hash it is not, after the same work.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.in_turn(move || {
            let known = stored.is_some();
            let stored = stored.as_deref().unwrap_or(NOBODY);
            let stored = PasswordHash::new(stored).map_err(PasswordError::Stored)?;
            let password = password.expose_secret().as_bytes();
            Ok(Argon2::default().verify_password(password, &stored).is_ok() && known)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(WAIT, self.turns.clone().acquire_owned());
        let permit = turn.await.map_err(|_| PasswordError::Busy)?;
        let permit = permit.expect("the semaphore is never closed");
        let task = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(task).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_one_password_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(
            passwords
                .verify("correct horse".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("battery staple".into(), Some(hash))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("anything".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let hash = Passwords::new().hash("x".into()).await.unwrap();
        let parameters = |hash: &str| {
            hash.split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(parameters(NOBODY), parameters(&hash));
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
