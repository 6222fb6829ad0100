//! Who works.

use uuid::Uuid;

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
