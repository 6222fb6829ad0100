//! What a process does before it serves, or instead, and again while what it needs is not there yet.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use stoa_contracts::{Coded, ErrorCode};
use tokio::time::Instant;

/// How long a process that starts waits for what it needs. While a release comes up, databases and brokers are busy or start as
/// well, and a node may not know their names yet, nor the way to them: nodes of a Swarm tell each other all of it every 30 s, for
/// those that have missed something. A start that fails, or a deploy that fails with it, costs more than the wait.
const PATIENCE: Duration = Duration::from_secs(45);
/// The pause before it tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a service could not be put together, or a schema not be migrated.
///
/// `?` makes it of any error that is [`Coded`]. One that means [`ErrorCode::Unavailable`] is tried again by
/// [`Program`](crate::Program); all others end the process.
#[derive(Debug)]
pub struct StartError {
    error: anyhow::Error,
    passes: bool,
}

impl StartError {
    /// An error that no waiting helps.
    pub fn new(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        Self {
            error,
            passes: false,
        }
    }
}

impl<E: Coded + Send + Sync + 'static> From<E> for StartError {
    fn from(error: E) -> Self {
        Self {
            passes: error.code() == ErrorCode::Unavailable,
            error: error.into(),
        }
    }
}

impl From<StartError> for anyhow::Error {
    fn from(error: StartError) -> Self {
        error.error
    }
}

/// Does it until it succeeds, or fails for good, or has failed for that long.
pub(crate) async fn patiently<T>(
    start: impl AsyncFn() -> Result<T, StartError>,
) -> Result<T, StartError> {
    let give_up = Instant::now() + PATIENCE;
    (|| start())
        .retry(ConstantBuilder::new().with_delay(PAUSE).without_max_times())
        .when(|error| error.passes && Instant::now() < give_up)
        .notify(|error, _| {
            let error = format!("{:#}", error.error);
            tracing::warn!(error, "what the start needs is away; it is waited for");
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io};

    use super::{Instant, PATIENCE, StartError, patiently};
    use crate::TokenError;
    use stoa_contracts::{Coded, ErrorCode};

    #[derive(Debug, thiserror::Error)]
    #[error("the database is away")]
    struct Away;

    impl Coded for Away {
        fn code(&self) -> ErrorCode {
            ErrorCode::Unavailable
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_away_is_waited_for() {
        let tries = Cell::new(0);
        let started = patiently(async || {
            tries.set(tries.get() + 1);
            if tries.get() == 3 {
                Ok(())
            } else {
                Err(Away.into())
            }
        });
        assert!(started.await.is_ok());
        assert_eq!(tries.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_away_is_an_error_in_the_end() {
        let begin = Instant::now();
        let failed = patiently(async || Err::<(), _>(Away.into())).await;
        let error = anyhow::Error::from(failed.unwrap_err());
        assert_eq!(error.to_string(), Away.to_string());
        assert!(begin.elapsed() >= PATIENCE, "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_waiting_helps_is_an_error_at_once() {
        let begin = Instant::now();
        let refused = || StartError::new(io::Error::other("the folder has no encoder"));
        for error in [refused, || TokenError::ManyKeys.into()] {
            let failed = patiently(async || Err::<(), _>(error())).await;
            assert!(failed.is_err());
        }
        assert_eq!(begin.elapsed().as_millis(), 0);
    }
}
