//! Who may hold up the queues, which are those of all accounts.

use stoa_contracts::ErrorCode;
use stoa_contracts::identity::Role;
use stoa_service::{Identity, Problem};
use uuid::Uuid;

/// The owners of the account that runs the installation; nobody if none is named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operators {
    account: Option<Uuid>,
}

impl Operators {
    pub(crate) fn new(account: Option<Uuid>) -> Self {
        Self { account }
    }

    /// Whether somebody is one. A token for one assistant is not.
    pub(crate) fn include(&self, identity: &Identity) -> bool {
        let is_theirs = self.account == Some(identity.account);
        is_theirs && identity.role >= Role::Owner && identity.assistant.is_none()
    }

    /// Refuses everybody else.
    pub(crate) fn require(&self, identity: &Identity) -> Result<(), Problem> {
        if self.include(identity) {
            return Ok(());
        }
        let detail = "Queues are those of all accounts: only an owner of the account that runs this installation \
                      may do this.";
        Err(Problem::new(ErrorCode::Forbidden, detail))
    }
}

/// A token that is narrowed to one assistant has no part in what belongs to the account.
pub(crate) fn require_whole_account(identity: &Identity) -> Result<(), Problem> {
    match identity.assistant {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            ErrorCode::Forbidden,
            "This token is good for one assistant only; jobs and schedules belong to the account.",
        )),
    }
}
