//! The time, as a parameter.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;

/// Tells the time; tests pass one that they hold in their hand.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        // The one place that asks the machine.
        Self(Arc::new(|| {
            OffsetDateTime::from(std::time::SystemTime::now())
        }))
    }

    /// A clock that says what `now` says.
    pub fn from_fn(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands still.
    pub fn at(time: OffsetDateTime) -> Self {
        Self::from_fn(move || time)
    }

    /// The time, in UTC and whole microseconds: what is stored in PostgreSQL comes back equal.
    pub fn now(&self) -> OffsetDateTime {
        let now = (self.0)();
        let micros = now.microsecond();
        now.replace_microsecond(micros).unwrap_or(now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
