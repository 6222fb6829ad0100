//! What processes have used, from `/proc`.

use anyhow::Context as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// The process group in `/proc/PID/stat`, counted after the name in parentheses.
const GROUP_FIELD: usize = 2;

/// The processes of a group: those that a command has started, and it.
pub(crate) fn group(leader: u32) -> Vec<u32> {
    let wanted = leader.to_string();
    let in_group = |pid: &u32| {
        let fields = stat(*pid).unwrap_or_default();
        fields.get(GROUP_FIELD) == Some(&wanted)
    };
    all().into_iter().filter(in_group).collect()
}

/// The processes with this name.
pub(crate) fn named(name: &str) -> Vec<u32> {
    let is_named = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
    };
    all().into_iter().filter(is_named).collect()
}

/// CPU time of the threads that processes have now. `schedstat` counts nanoseconds; `stat` would cut
/// what a quick job costs down to hundredths of a second.
pub(crate) fn cpu(pids: &[u32]) -> Duration {
    pids.iter().flat_map(|pid| threads(*pid)).sum()
}

fn threads(pid: u32) -> Vec<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let time = |path: PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    };
    let threads = threads.into_iter().flatten().flatten();
    threads.filter_map(|thread| time(thread.path())).collect()
}

/// Resident memory of processes in bytes; what they share counts for each.
pub(crate) fn resident(pids: &[u32]) -> u64 {
    let kilobytes = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
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
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} x {model}, load {}", load.join(" ")))
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The fields of `stat` after the name, which may hold blanks itself.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
