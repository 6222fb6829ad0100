//! Who works.

use uuid::Uuid;

/// A process that works on jobs, as the record has it.
pub(crate) struct Worker {
    pub(crate) name: String,
    /// On whose jobs it works.
    pub(crate) queues: Vec<String>,
    /// How many of each queue it runs at a time.
    pub(crate) concurrency: i32,
}

impl Worker {
    pub(crate) fn new(queues: Vec<String>, concurrency: usize) -> Self {
        Self {
            name: name(),
            queues,
            concurrency: i32::try_from(concurrency).unwrap_or(i32::MAX),
        }
    }
}

/// A name that no other worker ever has: replicas share a service's name, containers reuse pids.
pub(crate) fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!(
        "{}:{}:{}",
        host.trim(),
        std::process::id(),
        Uuid::new_v4().simple()
    )
}
