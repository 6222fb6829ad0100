//! Who runs the installation, and so may do what concerns all accounts.

use stoa_config::Env;
use stoa_contracts::{ErrorCode, identity::Role};
use uuid::Uuid;

use crate::{Identity, Problem};

/// The owners of the account that runs the installation; nobody if none is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Operators {
    account: Option<Uuid>,
}

impl Operators {
    /// The owners of this account.
    pub fn new(account: Option<Uuid>) -> Self {
        Self { account }
    }

    /// Those that `OPERATOR_ACCOUNT` names; `help` says what they may do.
    pub fn read(env: &mut Env, help: &'static str) -> Option<Self> {
        let account = env.parse("OPERATOR_ACCOUNT", help).optional()?;
        Some(Self::new(account))
    }

    /// Whether somebody is one. A token for one assistant is not.
    pub fn include(&self, identity: &Identity) -> bool {
        let is_theirs = self.account == Some(identity.account);
        is_theirs && identity.role >= Role::Owner && identity.assistant.is_none()
    }

    /// Refuses everybody else.
    pub fn require(&self, identity: &Identity) -> Result<(), Problem> {
        if self.include(identity) {
            return Ok(());
        }
        let detail = "This concerns all accounts: only an owner of the account that runs this installation may do it.";
        Err(Problem::new(ErrorCode::Forbidden, detail))
    }
}
