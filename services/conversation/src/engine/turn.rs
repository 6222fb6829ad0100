//! One turn: what the utterance means here, and which flow it goes to.

use super::answer::{Answer, Reading, free_entities, read_answer, read_entity};
use super::hearing::Utterance;
use super::program::{Operation, Program};
use super::state::State;
use super::{Input, speech};
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use stoa_contracts::conversations::{Button, ConversationStatus, EventKind, Message};
use stoa_contracts::flows::{Scalar, Slot};
use time::{Duration, OffsetDateTime};

/// Operations in one turn. A flow of a hundred steps runs through; a defect that circles stops
/// within a millisecond.
const OPERATION_LIMIT: u32 = 500;

/// A turn in the making.
pub(super) struct Turn<'a> {
    pub(super) program: &'a Program,
    pub(super) state: State,
    pub(super) events: Vec<EventKind>,
    pub(super) operations_left: u32,
    /// Whether an interrupted flow has come to the top again and not said so yet.
    pub(super) resuming: bool,
    pub(super) rng: &'a mut dyn Rng,
}

impl<'a> Turn<'a> {
    pub(super) fn new(program: &'a Program, state: State, rng: &'a mut dyn Rng) -> Self {
        Self {
            program,
            state,
            events: Vec::new(),
            operations_left: OPERATION_LIMIT,
            resuming: false,
            rng,
        }
    }

    pub(super) fn make(mut self, input: Input, now: OffsetDateTime) -> (State, Vec<EventKind>) {
        self.adopt_revision();
        match input {
            Input::Begin => self.start_if_named(self.program.flows.settings.start.as_deref()),
            Input::Said(said) => self.hear(&said, now),
        }
        self.state.asking = self.asked_slot().map(|(name, _)| name.to_owned());
        (self.state, self.events)
    }

    fn hear(&mut self, said: &Utterance, now: OffsetDateTime) {
        if self.state.status == ConversationStatus::Handover {
            return;
        }
        self.expire(now);
        self.state.heard_at = now;
        self.state.status = ConversationStatus::Active;
        let reading = match self.open_question() {
            Some((_, slot)) => read_answer(self.program, slot, said),
            None => Reading::Absent,
        };
        match (reading, self.flow_meant(said)) {
            (Reading::Fits(answer), None) => self.answer(answer, said),
            (Reading::Fits(answer), Some(_)) if answer.bare => self.answer(answer, said),
            (_, Some(flow)) => match self.offer(said) {
                Some(question) => self.utter(question),
                None => self.turn_to(flow, said),
            },
            (Reading::Unfit, None) => self.refuse(),
            (Reading::Absent, None) if self.state.stack.is_empty() => self.fall_back(),
            (Reading::Absent, None) => self.insist(said),
        }
    }

    /// The other flow that the utterance asks for.
    fn flow_meant(&self, said: &Utterance) -> Option<&'a str> {
        let program = self.program;
        let intent = said.intent_above(program.flows.settings.min_confidence)?;
        self.flow_of(intent)
    }

    /// The flow that an intent starts now.
    fn flow_of(&self, intent: &str) -> Option<&'a str> {
        let program = self.program;
        let flow = program.triggered_by(intent)?;
        let may_interrupt = program.flows.flows.get(flow).is_some_and(|f| f.interrupts);
        if !may_interrupt && !self.state.stack.is_empty() {
            return None;
        }
        let mut current = Vec::new();
        for frame in self.state.stack.iter().rev() {
            current.push(frame.flow.as_str());
            if !frame.called {
                break;
            }
        }
        (!current.contains(&flow)).then_some(flow)
    }

    /// The question which flow is meant, where that is to be asked and it may be several.
    fn offer(&mut self, said: &Utterance) -> Option<Message> {
        let program = self.program;
        let response = program.flows.settings.disambiguation.as_deref()?;
        let mut offered = BTreeSet::new();
        let mut buttons = Vec::new();
        for intent in &said.alternatives {
            let Some(flow) = self.flow_of(intent) else {
                continue;
            };
            let title = program
                .flows
                .flows
                .get(flow)
                .and_then(|flow| flow.title.as_ref());
            let (Some(title), Some(payload)) = (title, said.as_payload(intent)) else {
                continue;
            };
            if offered.insert(flow) {
                let title = title.clone();
                buttons.push(Button { title, payload });
            }
        }
        if buttons.len() < 2 {
            return None;
        }
        speech::offer(program, &self.state, (response, buttons), self.rng)
    }

    /// The slot that the flow on top waits for.
    pub(super) fn asked_slot(&self) -> Option<(&'a str, &'a Slot)> {
        let frame = self.state.stack.last()?;
        match self.program.operation(&frame.flow, frame.at)? {
            Operation::Ask(ask) => Some((&ask.slot, self.program.slot(&ask.slot)?)),
            _ => None,
        }
    }

    /// The slot that the user was asked for: the one that the flow on top waits for, unless it has
    /// started again since.
    fn open_question(&self) -> Option<(&'a str, &'a Slot)> {
        let asking = self.state.asking.as_deref();
        self.asked_slot().filter(|(name, _)| asking == Some(name))
    }

    fn answer(&mut self, answer: Answer, said: &Utterance) {
        self.state.misses = 0;
        if let Some((name, _)) = self.asked_slot() {
            self.pick_up(said, Some((name, answer.span)));
            self.fill(name, Some(answer.value));
            self.leave_question();
        }
        self.run();
    }

    /// A value that does not fit: say so and ask again.
    fn refuse(&mut self) {
        let invalid = self
            .asked_slot()
            .and_then(|(_, slot)| slot.invalid.as_deref());
        self.ask_again(invalid);
    }

    /// No answer to the question; what was said may still fill other slots.
    fn insist(&mut self, said: &Utterance) {
        if self.pick_up(said, None) || self.open_question().is_none() {
            return self.run();
        }
        self.refuse();
    }

    fn ask_again(&mut self, invalid: Option<&str>) {
        let asked = self.state.stack.last().map_or(0, |frame| frame.asked);
        let limit = self.asked_slot().map_or(0, |(_, slot)| slot.attempts);
        if asked >= limit {
            self.give_up();
            return self.run();
        }
        if let Some(invalid) = invalid {
            self.say(invalid);
        }
        self.run();
    }

    fn fall_back(&mut self) {
        let fallback = &self.program.flows.settings.fallback;
        self.state.misses += 1;
        if self.state.misses >= fallback.escalate_after && fallback.escalate.is_some() {
            self.state.misses = 0;
            return self.start_if_named(fallback.escalate.as_deref());
        }
        self.start_if_named(fallback.flow.as_deref());
    }

    /// Starts a flow, or goes back to it where it was interrupted.
    fn turn_to(&mut self, flow: &'a str, said: &Utterance) {
        self.state.misses = 0;
        let stack = &mut self.state.stack;
        if let Some(mut at) = stack.iter().rposition(|frame| frame.flow == flow) {
            // What it has called was interrupted with it.
            while stack.get(at + 1).is_some_and(|frame| frame.called) {
                at += 1;
            }
            while self.state.stack.len() > at + 1 {
                self.end_top();
            }
            self.resuming = true;
        } else {
            // Being interrupted is no failed attempt.
            if let Some(frame) = stack.last_mut() {
                frame.asked = frame.asked.saturating_sub(1);
            }
            self.push(flow, false);
        }
        self.pick_up(said, None);
        self.run();
    }

    fn start_if_named(&mut self, flow: Option<&str>) {
        if let Some(flow) = flow.filter(|flow| self.program.has_flow(flow)) {
            self.push(flow, false);
            self.run();
        }
    }

    /// Fills the slots of the flow on top, and of the one that has called it, from the entities that
    /// were said, and those that are kept; leaves out what was the answer to a question. Says
    /// whether anything was filled.
    fn pick_up(&mut self, said: &Utterance, answered: Option<(&str, (usize, usize))>) -> bool {
        let program = self.program;
        let mut frames = self.state.stack.iter().rev();
        let Some(flow) = frames.find(|frame| !frame.called).map(|f| f.flow.clone()) else {
            return false;
        };
        let asked = answered.and_then(|(asked, span)| Some((program.slot(asked)?, span)));
        let free = free_entities(said, asked);
        let mut filled = BTreeMap::new();
        for (name, slot) in &program.flows.slots {
            let concerned = slot.keep || program.slots_of(&flow).any(|used| used == name);
            let is_answered = answered.is_some_and(|(asked, _)| asked == name);
            if !concerned || is_answered {
                continue;
            }
            if let Some(value) = free.iter().find_map(|entity| read_entity(slot, entity)) {
                filled.insert(name.as_str(), value);
            }
        }
        let any = !filled.is_empty();
        for (name, value) in filled {
            self.fill(name, Some(value));
        }
        any
    }

    /// Gives a slot a value, or none, and notes it if that is a change.
    pub(super) fn fill(&mut self, name: &str, value: Option<Scalar>) {
        let before = match &value {
            Some(value) => self.state.slots.insert(name.to_owned(), value.clone()),
            None => self.state.slots.remove(name),
        };
        if before != value {
            self.events.push(EventKind::Slot {
                name: name.to_owned(),
                value: serde_json::to_value(value).unwrap_or_default(),
            });
        }
    }

    pub(super) fn say(&mut self, response: &str) {
        if let Some(message) = speech::say(self.program, &self.state, response, self.rng) {
            self.utter(message);
        }
    }

    pub(super) fn utter(&mut self, message: Message) {
        self.events.push(EventKind::Assistant { message });
    }

    /// After a long silence nothing of the dialogue is left but its reference.
    fn expire(&mut self, now: OffsetDateTime) {
        let settings = &self.program.flows.settings;
        let limit = Duration::minutes(settings.session_minutes.into());
        if now - self.state.heard_at < limit {
            return;
        }
        self.abandon();
        self.state.slots.clear();
        self.state.misses = 0;
        for status in [ConversationStatus::Ended, ConversationStatus::Active] {
            self.events.push(EventKind::Status { status });
        }
        if let Some(response) = &settings.session_expired {
            self.say(response);
        }
    }
}
