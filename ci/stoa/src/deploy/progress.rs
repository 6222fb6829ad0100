//! What a deploy shows while it runs: on a terminal a line per service that is not there yet, elsewhere a plain line
//! whenever something changes. On standard error; the result goes to standard output.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How far a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceState {
    /// Its full name.
    pub(crate) name: String,
    /// How many tasks of the new version run.
    pub(crate) running: u64,
    /// How many there should be.
    pub(crate) wanted: u64,
    pub(crate) settled: bool,
    /// What it waits for.
    pub(crate) note: String,
}

/// Whom a deploy tells.
pub(crate) struct Progress {
    started: Instant,
    terminal: Option<MultiProgress>,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    bars: BTreeMap<String, ProgressBar>,
    lines: BTreeMap<String, String>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            started: Instant::now(),
            terminal: terminal.then(MultiProgress::new),
            shown: Mutex::default(),
        }
    }

    /// Begins the next step.
    pub(crate) fn step(&self, text: &str) {
        self.clear();
        self.line(text);
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        let text = format!("[{:>3} s] {text}", self.started.elapsed().as_secs());
        match &self.terminal {
            Some(terminal) => drop(terminal.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// How far the services are.
    pub(crate) fn services(&self, states: &[ServiceState]) {
        for state in states {
            let text = if state.settled {
                format!("{}/{} run", state.running, state.wanted)
            } else {
                format!("{}/{} {}", state.running, state.wanted, state.note)
            };
            let text = format!("{:<28} {text}", state.name);
            match &self.terminal {
                Some(terminal) => self.draw(terminal, state, &text),
                None => self.print_if_new(state, &text),
            }
        }
    }

    /// Takes the lines of the services away.
    pub(crate) fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in std::mem::take(&mut shown.bars).into_values() {
            bar.finish_and_clear();
        }
    }

    fn draw(&self, terminal: &MultiProgress, state: &ServiceState, text: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if state.settled {
            if let Some(bar) = shown.bars.remove(&state.name) {
                bar.finish_and_clear();
            }
            return;
        }
        let bar = shown.bars.entry(state.name.clone()).or_insert_with(|| {
            let style = ProgressStyle::with_template("        {wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            terminal.add(ProgressBar::new_spinner().with_style(style))
        });
        bar.set_message(text.to_owned());
        bar.tick();
    }

    fn print_if_new(&self, state: &ServiceState, text: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let last = shown.lines.insert(state.name.clone(), text.to_owned());
        drop(shown);
        if last.as_deref() != Some(text) {
            self.line(text);
        }
    }
}
