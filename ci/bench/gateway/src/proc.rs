//! What processes have used, from `/proc`.

use anyhow::Context as _;
use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// The process group in `/proc/PID/stat`, counted after the name in parentheses.
const GROUP_FIELD: usize = 2;

/// The processes of a group: those that a command has started, and it.
pub(crate) fn group(leader: u32) -> Vec<u32> {
    let wanted = leader.to_string();
    let in_group = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = text.rsplit_once(") ").map(|(_, fields)| fields);
        fields.and_then(|fields| fields.split_whitespace().nth(GROUP_FIELD)) == Some(&wanted)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(in_group)
        .collect()
}

/// CPU time by thread. `schedstat` counts nanoseconds, `stat` only hundredths of a second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu(HashMap<String, u64>);

impl Cpu {
    /// The clocks of the threads that processes have now.
    pub(crate) fn of(pids: &[u32]) -> Self {
        let mut clocks = HashMap::new();
        for pid in pids {
            let threads = fs::read_dir(format!("/proc/{pid}/task"));
            for thread in threads.into_iter().flatten().flatten() {
                let text = fs::read_to_string(thread.path().join("schedstat"));
                let nanoseconds = text
                    .ok()
                    .and_then(|text| text.split(' ').next()?.parse().ok());
                let name = thread.file_name().to_string_lossy().into_owned();
                clocks.extend(nanoseconds.map(|nanoseconds| (name, nanoseconds)));
            }
        }
        Self(clocks)
    }

    /// What was used since: a thread that is new began at zero, one that has ended does not count.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let used = self.0.iter().map(|(thread, now)| {
            now.saturating_sub(before.0.get(thread).copied().unwrap_or_default())
        });
        Duration::from_nanos(used.sum())
    }
}

/// Memory of processes in bytes; what several share is divided among them.
pub(crate) fn memory(pids: &[u32]) -> u64 {
    let kilobytes = |pid: &u32| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    pids.iter().filter_map(kilobytes).sum::<u64>() * 1024
}

/// What the machine is, without its name.
pub(crate) fn machine() -> anyhow::Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let load = fs::read_to_string("/proc/loadavg").context("/proc/loadavg")?;
    let load: Vec<_> = load.split_whitespace().take(3).collect();
    Ok(format!("{model}, load {}", load.join(" ")))
}
