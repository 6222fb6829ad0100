//! What is done to a platform while clients use it: one step of a trial under load.

use anyhow::Result;
use std::time::Duration;

use crate::Platform;

/// A good deploy of the whole platform, with every task replaced.
const GOOD: Duration = Duration::from_mins(5);

/// Something that no client may notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A deploy that replaces every task, the edge's too.
    Deploy,
    /// Back to the release before, which replaces every task as well.
    Rollback,
    /// A task more of what holds the conversations.
    ScaleUp,
    /// And one less.
    ScaleDown,
    /// A node that is emptied, and then used again.
    Drain,
    /// A deploy that fails and is put back.
    FailingDeploy,
}

impl Step {
    /// Every step, in an order in which each finds what it needs.
    pub const ALL: [Self; 6] = [
        Self::Deploy,
        Self::Rollback,
        Self::ScaleUp,
        Self::ScaleDown,
        Self::Drain,
        Self::FailingDeploy,
    ];

    /// What it is called in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::ScaleUp => "scale up",
            Self::ScaleDown => "scale down",
            Self::Drain => "drain a node",
            Self::FailingDeploy => "failing deploy",
        }
    }

    /// Does it; fails if it does not end as it should.
    pub fn take(self, platform: &mut Platform) -> Result<()> {
        match self {
            Self::Deploy => {
                platform.deploy()?.exits(0).within(GOOD);
            }
            Self::Rollback => {
                let before = platform.before()?;
                platform.rollback(before)?.exits(0).within(GOOD);
            }
            Self::ScaleUp => {
                platform.scale("conversation", 2, 3)?.exits(0).within(GOOD);
            }
            Self::ScaleDown => {
                platform.scale("conversation", 3, 2)?.exits(0).within(GOOD);
            }
            Self::Drain => {
                let node = platform.node_without(&["data_postgres"])?;
                platform.drain(&node)?;
                platform.activate(&node)?;
            }
            Self::FailingDeploy => {
                let run = platform.deploy_broken()?;
                run.exits(1).says("was put back").within(2 * GOOD);
            }
        }
        Ok(())
    }
}
