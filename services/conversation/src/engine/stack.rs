//! The flows that are open: which come on top, and what is left of those that end.

use super::state::Frame;
use super::turn::Turn;
use std::collections::{BTreeMap, BTreeSet};
use stoa_contracts::conversations::EventKind;
use stoa_contracts::flows::CALL_LIMIT;

/// Flows that are open at once, without those that they call; whoever digresses eight times has
/// forgotten where it began.
const OPEN_LIMIT: usize = 8;

/// The first frame of the flow on top and those that have called it.
pub(super) fn current_from(stack: &[Frame]) -> usize {
    stack.iter().rposition(|frame| !frame.called).unwrap_or(0)
}

impl<'a> Turn<'a> {
    /// Puts a flow on top. One that interrupts gets the slots that it shares with the
    /// interrupted ones empty; they are given back when it ends.
    pub(super) fn push(&mut self, flow: &str, called: bool) {
        let stack = &self.state.stack;
        let current = &stack[current_from(stack)..];
        if called && current.len() >= CALL_LIMIT {
            // Its callers would go on as if it had run. The flow for giving up would call as deep again.
            if self.flow_for_giving_up() == Some(current[0].flow.as_str()) {
                return self.abandon();
            }
            return self.give_up();
        }
        if !called && stack.iter().filter(|frame| !frame.called).count() >= OPEN_LIMIT {
            self.drop_oldest();
        }
        let mut saved = BTreeMap::new();
        if !called && !self.state.stack.is_empty() {
            for name in self.program.slots_of(flow) {
                if !self.is_kept(name)
                    && let Some(value) = self.state.slots.remove(name)
                {
                    saved.insert(name.to_owned(), value);
                }
            }
        }
        self.events.push(EventKind::FlowStarted {
            flow: flow.to_owned(),
        });
        self.state.stack.push(Frame {
            flow: flow.to_owned(),
            at: 0,
            asked: 0,
            moved: false,
            called,
            saved,
            given_up: BTreeMap::new(),
            emptied: BTreeSet::new(),
        });
    }

    /// Ends the flow on top. What it asked for is forgotten, unless it was called: then its
    /// caller wants to know.
    pub(super) fn end_top(&mut self) {
        let Some(frame) = self.state.stack.pop() else {
            return;
        };
        if !frame.called {
            for name in self.program.slots_of(&frame.flow) {
                if !self.is_kept(name) {
                    self.fill(name, None);
                }
            }
            if !self.state.stack.is_empty() {
                for (name, value) in frame.saved {
                    self.fill(&name, Some(value));
                }
            }
            self.resuming = true;
        }
        self.events.push(EventKind::FlowEnded { flow: frame.flow });
    }

    /// Ends every flow.
    pub(super) fn abandon(&mut self) {
        while !self.state.stack.is_empty() {
            self.end_top();
        }
        self.resuming = false;
    }

    /// Ends every flow, and puts the one for that on top. What was answered goes along for a person.
    pub(super) fn give_up(&mut self) {
        let answered = self.state.answered();
        self.abandon();
        if let Some(flow) = self.flow_for_giving_up() {
            self.push(flow, false);
            if let Some(frame) = self.state.stack.last_mut() {
                frame.given_up = answered;
            }
        }
    }

    fn flow_for_giving_up(&self) -> Option<&'a str> {
        let program = self.program;
        let settings = &program.flows.settings;
        let named = settings
            .give_up
            .as_ref()
            .or(settings.fallback.flow.as_ref());
        named
            .filter(|flow| program.has_flow(flow))
            .map(String::as_str)
    }

    /// Drops the flow that was interrupted first, with those that it has called, and forgets what it
    /// asked for.
    fn drop_oldest(&mut self) {
        let program = self.program;
        let stack = &mut self.state.stack;
        let called = stack.iter().skip(1).take_while(|frame| frame.called);
        let end = called.count() + 1;
        let dropped: Vec<String> = stack.drain(..end).map(|frame| frame.flow).collect();
        for name in program.slots_of(&dropped[0]) {
            if self.is_kept(name) {
                continue;
            }
            // The next flow with that slot has put the value aside.
            let mut later = self.state.stack.iter_mut().filter(|frame| !frame.called);
            match later.find(|frame| program.slots_of(&frame.flow).any(|used| used == name)) {
                Some(frame) => _ = frame.saved.remove(name),
                None => self.fill(name, None),
            }
        }
        for flow in dropped.into_iter().rev() {
            self.events.push(EventKind::FlowEnded { flow });
        }
    }

    fn is_kept(&self, slot: &str) -> bool {
        self.program.slot(slot).is_some_and(|slot| slot.keep)
    }
}
