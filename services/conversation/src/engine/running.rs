//! Runs the flow on top of the stack until it waits for an answer.

use super::program::{Operation, hold};
use super::speech;
use super::turn::Turn;
use stoa_contracts::conversations::{ConversationStatus, EventKind, Message};
use stoa_contracts::flows::Ask;

impl Turn<'_> {
    /// Runs until a question is open or no flow is left.
    pub(super) fn run(&mut self) {
        while let Some(frame) = self.state.stack.last() {
            if self.operations_left == 0 {
                return self.abandon();
            }
            self.operations_left -= 1;
            let Some(operation) = self.program.operation(&frame.flow, frame.at) else {
                self.end_top();
                continue;
            };
            if self.perform(operation) {
                return;
            }
        }
    }

    /// Performs one operation; says whether the flow now waits.
    fn perform(&mut self, operation: &Operation) -> bool {
        match operation {
            Operation::Ask(ask) => return self.ask(ask),
            Operation::Say(response) => {
                self.advance();
                self.say(response);
            }
            Operation::Set(values) => {
                self.advance();
                for (name, value) in &values.0 {
                    self.fill(name, value.clone());
                    if value.is_none() {
                        self.note_emptied(name);
                    }
                }
            }
            Operation::Unless(conditions, target) => {
                if hold(conditions, &self.state.slots) {
                    self.advance();
                } else {
                    self.jump(*target);
                }
            }
            Operation::Jump(target) => self.jump(*target),
            Operation::Call(flow) => {
                self.advance();
                if self.program.has_flow(flow) {
                    self.push(flow, true);
                }
            }
            Operation::Handover(response) => self.hand_over(response),
            Operation::End => self.end_top(),
            Operation::Stop => self.abandon(),
        }
        false
    }

    /// Asks for a slot unless it is filled; says whether the flow now waits.
    fn ask(&mut self, ask: &Ask) -> bool {
        let first = self
            .state
            .stack
            .last()
            .is_some_and(|frame| frame.asked == 0);
        if ask.again && first {
            self.fill(&ask.slot, None);
        }
        let slot = self.program.slot(&ask.slot);
        let (Some(slot), None) = (slot, self.state.slots.get(&ask.slot)) else {
            self.leave_question();
            return false;
        };
        if std::mem::take(&mut self.resuming)
            && let Some(resume) = &self.program.flows.settings.resume
        {
            self.say(resume);
        }
        if let Some(frame) = self.state.stack.last_mut() {
            frame.asked += 1;
        }
        let question = ask.question.as_ref().or(slot.question.as_ref());
        let question = question.map_or("", String::as_str);
        let asked = speech::ask(self.program, &self.state, (question, slot), self.rng);
        if let Some(message) = asked {
            self.utter(message);
        }
        true
    }

    /// Notes that the flow on top, or the one that has called it, wants nothing in a slot.
    fn note_emptied(&mut self, slot: &str) {
        let mut frames = self.state.stack.iter_mut().rev();
        if let Some(frame) = frames.find(|frame| !frame.called) {
            frame.emptied.insert(slot.to_owned());
        }
    }

    fn hand_over(&mut self, response: &str) {
        // The person wants to see what was said, in the interrupted flows as well.
        for (name, value) in self.state.answered() {
            self.fill(&name, Some(value));
        }
        let text = match speech::say(self.program, &self.state, response, self.rng) {
            Some(
                Message::Text { text } | Message::Buttons { text, .. } | Message::Handover { text },
            ) => text,
            None => String::new(),
        };
        self.utter(Message::Handover { text });
        for frame in std::mem::take(&mut self.state.stack).into_iter().rev() {
            self.events.push(EventKind::FlowEnded { flow: frame.flow });
        }
        self.state.status = ConversationStatus::Handover;
        self.events.push(EventKind::Status {
            status: ConversationStatus::Handover,
        });
    }

    /// Goes to the next operation of the flow on top.
    pub(super) fn advance(&mut self) {
        if let Some(frame) = self.state.stack.last_mut() {
            frame.at += 1;
            frame.asked = 0;
        }
    }

    fn jump(&mut self, target: usize) {
        if let Some(frame) = self.state.stack.last_mut() {
            frame.at = target;
        }
    }
}
