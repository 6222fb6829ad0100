//! Room, and each account's share of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use stoa_contracts::ErrorCode;
use stoa_service::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{SMALL, Taken, UNIT, WAIT, lock};

/// Room for a document, and the account's share of it, until this is dropped.
pub(crate) struct Place {
    _room: OwnedSemaphorePermit,
    _share: Share,
}

/// Room that accounts share. One that holds some of it gets no more than half: slow clients of one account leave room for others.
pub(super) struct Space {
    free: Arc<Semaphore>,
    /// In units.
    whole: u32,
    /// What accounts hold or wait for, in units.
    shares: Mutex<HashMap<Uuid, u32>>,
}

impl Space {
    pub(super) fn new(whole: u32) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(whole as usize)),
            whole,
            shares: Mutex::default(),
        })
    }

    pub(super) async fn take(
        self: &Arc<Self>,
        account: Uuid,
        bytes: usize,
        wait: Duration,
    ) -> Result<Taken, Problem> {
        if bytes <= SMALL {
            return Ok(None);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT));
        let units = units.map_or(self.whole, |units| units.min(self.whole));
        let share = self.share(account, units).ok_or_else(|| {
            busy("Large documents of this account are on their way; try again after them.")
        })?;
        let room = tokio::time::timeout(wait, self.free.clone().acquire_many_owned(units)).await;
        let room =
            room.map_err(|_| busy("Too many large documents are on their way; try again."))?;
        Ok(Some(Place {
            _room: room.expect("the semaphore is never closed"),
            _share: share,
        }))
    }

    /// None if the account would have more than its share. The first document of an account may be larger than that.
    fn share(self: &Arc<Self>, account: Uuid, units: u32) -> Option<Share> {
        let mut shares = lock(&self.shares);
        let held = shares.get(&account).copied().unwrap_or_default();
        if held > 0 && held + units > self.whole / 2 {
            return None;
        }
        shares.insert(account, held + units);
        Some(Share {
            space: self.clone(),
            account,
            units,
        })
    }
}

/// What an account holds, until this is dropped.
struct Share {
    space: Arc<Space>,
    account: Uuid,
    units: u32,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = lock(&self.space.shares);
        let Some(held) = shares.get_mut(&self.account) else {
            return;
        };
        *held -= self.units;
        if *held == 0 {
            shares.remove(&self.account);
        }
    }
}

fn busy(detail: &str) -> Problem {
    Problem::new(ErrorCode::Unavailable, detail).retry_after(WAIT)
}
