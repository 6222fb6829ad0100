//! Flows that were changed since the last turn: where the conversation goes on in them.

use super::program::{Operation, Program};
use super::stack::current_from;
use super::state::{Frame, State};
use super::turn::Turn;
use std::collections::BTreeMap;

impl Turn<'_> {
    /// Takes the conversation over into the flows as they are now.
    ///
    /// The open question stays open where the flow that has asked it still does, so that the next
    /// message is heard as its answer. All else starts again: what was answered stays answered, so
    /// it comes to its question by itself.
    pub(super) fn adopt_revision(&mut self) {
        if self.state.flows_version == self.program.version {
            return;
        }
        self.state.flows_version = self.program.version;
        let asking = self.state.asking.take();
        let places = asking
            .as_deref()
            .and_then(|asking| open_question(self.program, &self.state, asking));
        let stack = &mut self.state.stack;
        let mut current = stack.split_off(current_from(stack));
        restart(stack);
        match places {
            Some(places) => {
                self.state.asking = asking;
                let mut moved = false;
                for (frame, at) in current.iter_mut().zip(places) {
                    moved |= frame.at != at;
                    frame.at = at;
                }
                if let Some(frame) = current.last_mut() {
                    frame.moved |= moved;
                }
            }
            None => restart(&mut current),
        }
        self.state.stack.append(&mut current);
        self.drop_flows_that_are_gone();
    }

    /// Goes on behind the question that the flow on top waits for. If that has moved, what now comes
    /// before it may not be answered yet: the flow starts again with what was answered.
    pub(super) fn leave_question(&mut self) {
        if !self.state.stack.last().is_some_and(|frame| frame.moved) {
            return self.advance();
        }
        while self.state.stack.last().is_some_and(|frame| frame.called) {
            self.end_top();
        }
        if let Some(frame) = self.state.stack.last_mut() {
            frame.restart();
        }
    }

    /// What a dropped flow has put aside is given back to the flow that it has interrupted: at once,
    /// or by the one that has interrupted it.
    fn drop_flows_that_are_gone(&mut self) {
        let mut aside = BTreeMap::new();
        for mut frame in std::mem::take(&mut self.state.stack) {
            frame.saved.append(&mut aside);
            if self.program.has_flow(&frame.flow) {
                self.state.stack.push(frame);
            } else {
                aside = frame.saved;
            }
        }
        if !self.state.stack.is_empty() {
            for (name, value) in aside {
                self.fill(&name, Some(value));
            }
        }
    }
}

/// Lets flows begin again, and call again what they have called.
fn restart(frames: &mut Vec<Frame>) {
    frames.retain(|frame| !frame.called);
    frames.iter_mut().for_each(Frame::restart);
}

/// The places of the flow on top and those that have called it, the question last; `None` if one
/// of them is gone, or does not do that any more.
fn open_question(program: &Program, state: &State, asking: &str) -> Option<Vec<usize>> {
    let current = &state.stack[current_from(&state.stack)..];
    let called = current.iter().skip(1).map(|frame| Some(&frame.flow));
    let place = |(frame, called): (&Frame, Option<&String>)| {
        // Whoever has called goes on behind the call.
        let behind = usize::from(called.is_some());
        let before = (frame.flow.as_str(), frame.at.saturating_sub(behind));
        let at = program.place(before, &state.slots, |operation| match operation {
            Operation::Call(flow) => called == Some(flow),
            Operation::Ask(ask) => called.is_none() && ask.slot == asking,
            _ => false,
        });
        Some(at? + behind)
    };
    let frames = current.iter().zip(called.chain([None]));
    frames.map(place).collect()
}
