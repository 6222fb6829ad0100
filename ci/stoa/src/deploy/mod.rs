//! Deploying a release to a cluster.

mod lease;
pub(crate) mod lock;
