//! Starts the processes of a trial, each with a clock of its own.

use crate::process::{Role, SETUP, Setup};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// By how much a clock may be wrong, in seconds: longer than everything that a job waits for.
const SKEW: i64 = 3600;

pub(crate) struct Processes {
    setup: Setup,
    /// What they have said; kept if the trial fails.
    logs: TempDir,
    started: u32,
    random: StdRng,
    /// What makes clocks wrong, where there is such a thing.
    faketime: Option<PathBuf>,
}

impl Processes {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut logs = tempfile::Builder::new();
        let mut logs = logs.prefix("stoa-faults-").tempdir().expect("a folder");
        logs.disable_cleanup(true);
        let faketime = faketime();
        if faketime.is_none() {
            println!("All clocks are right: this machine has no libfaketime");
        }
        let random = StdRng::seed_from_u64(setup.seed);
        Self {
            setup,
            logs,
            started: 0,
            random,
            faketime,
        }
    }

    /// How many jobs are ordered.
    pub(crate) fn jobs(&self) -> i64 {
        self.setup.jobs
    }

    pub(crate) fn logs(&self) -> &Path {
        self.logs.path()
    }

    pub(crate) fn start(&mut self, role: Role) -> Child {
        self.started += 1;
        let setup = Setup {
            role,
            ..self.setup.clone()
        };
        let log = self.logs.path().join(format!("{}-{role:?}", self.started));
        let log = File::create(log).expect("a file for a log");
        let mut command = Command::new(env::current_exe().expect("this program has a path"));
        let setup = serde_json::to_string(&setup).expect("a setup is JSON");
        command
            .args(["--exact", "process", "--ignored", "--nocapture"])
            .env(SETUP, setup)
            .stdout(log.try_clone().expect("a file for a log"))
            .stderr(log)
            .kill_on_drop(true);
        if let Some(faketime) = &self.faketime {
            let skew = self.random.random_range(-SKEW..SKEW);
            command
                .env("LD_PRELOAD", faketime)
                .env("FAKETIME", format!("{skew:+}"))
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        command.spawn().expect("this program can be started")
    }
}

/// The library of Debian's package.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.is_file())
}
