//! What parsing cannot find: names that lead nowhere and values that do not fit.

mod cycles;
mod responses;
mod slots;
mod steps;

use super::{Flows, REFERENCE};
use crate::understanding::BuiltinEntity;
use std::collections::BTreeSet;

/// Something wrong in a flow document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowProblem {
    /// A JSON pointer to the place.
    pub pointer: String,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl Flows {
    /// Everything that is wrong in the document, in its order; empty if it can be run.
    ///
    /// Intents and entities are looked up in the sets of the training data. An empty set means
    /// that there is no training data yet: then every name is accepted. Built-in entities need no data.
    pub fn check(
        &self,
        known_intents: &BTreeSet<String>,
        known_entities: &BTreeSet<String>,
    ) -> Vec<FlowProblem> {
        let mut check = Check {
            flows: self,
            intents: known_intents,
            entities: known_entities,
            problems: Vec::new(),
        };
        check.settings();
        check.responses();
        check.slots();
        check.all_flows();
        check.cycles();
        check.call_depth();
        check.problems
    }
}

/// Whether a character may stand in the name of a slot, response or flow.
pub(super) fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

/// The document, what is known around it, and what was found so far.
struct Check<'a> {
    flows: &'a Flows,
    intents: &'a BTreeSet<String>,
    entities: &'a BTreeSet<String>,
    problems: Vec<FlowProblem>,
}

impl Check<'_> {
    fn problem(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.push(FlowProblem {
            pointer: pointer.into(),
            message: message.into(),
        });
    }

    fn settings(&mut self) {
        let settings = &self.flows.settings;
        self.flow_named("/settings/start", settings.start.as_deref());
        self.flow_named("/settings/fallback/flow", settings.fallback.flow.as_deref());
        self.flow_named(
            "/settings/fallback/escalate",
            settings.fallback.escalate.as_deref(),
        );
        self.flow_named("/settings/give_up", settings.give_up.as_deref());
        self.response_named("/settings/resume", settings.resume.as_deref());
        self.disambiguation();
        self.response_named(
            "/settings/session_expired",
            settings.session_expired.as_deref(),
        );
        if !(0.0..=1.0).contains(&settings.min_confidence) {
            self.problem("/settings/min_confidence", "must be from 0 to 1");
        }
        if settings.session_minutes == 0 {
            self.problem("/settings/session_minutes", "must be at least 1");
        }
        if settings.fallback.escalate_after == 0 {
            self.problem("/settings/fallback/escalate_after", "must be at least 1");
        }
    }

    /// What is asked when several flows may be meant: of flows without a title nobody can choose.
    fn disambiguation(&mut self) {
        let Some(response) = self.flows.settings.disambiguation.as_deref() else {
            return;
        };
        self.response_named("/settings/disambiguation", Some(response));
        let titled = self
            .flows
            .flows
            .values()
            .filter(|flow| flow.title.is_some());
        if titled.count() < 2 {
            let message = "nobody could choose: give the flows that may be meant a `title`";
            self.problem("/settings/disambiguation", message);
        }
    }

    /// A name that is being defined.
    fn definition(&mut self, pointer: &str, name: &str) {
        if name.is_empty() || !name.chars().all(is_name_character) {
            self.problem(
                pointer,
                format!("`{name}` is not a name: use letters, digits, `_` and `-`"),
            );
        }
    }

    fn flow_named(&mut self, pointer: &str, name: Option<&str>) {
        if let Some(name) = name.filter(|&name| !self.flows.flows.contains_key(name)) {
            self.problem(pointer, format!("there is no flow `{name}`"));
        }
    }

    fn response_named(&mut self, pointer: &str, name: Option<&str>) {
        if let Some(name) = name.filter(|&name| !self.flows.responses.contains_key(name)) {
            self.problem(pointer, format!("there is no response `{name}`"));
        }
    }

    fn slot_named(&mut self, pointer: &str, name: &str) {
        if !self.flows.slots.contains_key(name) {
            self.problem(pointer, format!("there is no slot `{name}`"));
        }
    }

    fn slot_or_reference_named(&mut self, pointer: &str, name: &str) {
        if name != REFERENCE {
            self.slot_named(pointer, name);
        }
    }

    fn intent_named(&mut self, pointer: &str, name: &str) {
        if !self.intents.is_empty() && !self.intents.contains(name) {
            self.problem(
                pointer,
                format!("no example of the training data has the intent `{name}`"),
            );
        }
    }

    fn entity_named(&mut self, pointer: &str, name: &str) {
        let is_known = self.entities.contains(name) || BuiltinEntity::named(name).is_some();
        if !self.entities.is_empty() && !is_known {
            self.problem(
                pointer,
                format!("nothing in the training data has the entity `{name}`"),
            );
        }
    }
}

/// A name as one segment of a JSON pointer (RFC 6901).
fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
