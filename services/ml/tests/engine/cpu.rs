//! What a thread has worked: a busy machine lets it wait, and that is no fault of the code.

use std::time::Duration;

/// Time on a processor since this began, of the thread that began it.
pub(crate) struct Cpu(Duration);

impl Cpu {
    pub(crate) fn start() -> Self {
        Self(of_this_thread())
    }

    /// To a hundredth of a second.
    pub(crate) fn elapsed(&self) -> Duration {
        of_this_thread().saturating_sub(self.0)
    }
}

/// User and system time, the 14th and 15th field of `proc_pid_stat(5)`, in the kernel's hundredths of a second.
fn of_this_thread() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")
        .expect("a kernel says this of each thread");
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
