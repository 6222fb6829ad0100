//! Slots: how they are filled and what they accept.

use super::{Check, segment};
use crate::flows::{REFERENCE, Scalar, Slot, SlotKind};
use std::collections::BTreeMap;

impl Check<'_> {
    pub(super) fn slots(&mut self) {
        for (name, slot) in &self.flows.slots {
            let pointer = format!("/slots/{}", segment(name));
            self.definition(&pointer, name);
            if name == REFERENCE {
                self.problem(&pointer, "`reference` is taken by the platform");
            }
            self.response_named(&format!("{pointer}/question"), slot.question.as_deref());
            self.response_named(&format!("{pointer}/invalid"), slot.invalid.as_deref());
            self.fill(&pointer, slot);
            self.limits(&pointer, slot);
            self.choices(&pointer, slot);
        }
    }

    /// People type a choice in any case.
    fn choices(&mut self, pointer: &str, slot: &Slot) {
        let mut owners = BTreeMap::new();
        for (choice, others) in &slot.choices {
            for name in std::iter::once(choice).chain(others) {
                let owner = *owners.entry(name.trim().to_lowercase()).or_insert(choice);
                if owner != choice {
                    self.problem(
                        format!("{pointer}/choices/{}", segment(choice)),
                        format!("`{name}` cannot be told from a name of the choice `{owner}`"),
                    );
                }
            }
        }
    }

    fn fill(&mut self, pointer: &str, slot: &Slot) {
        for (at, entity) in slot.fill.entities.iter().enumerate() {
            self.entity_named(&format!("{pointer}/fill/entities/{at}"), entity);
        }
        for (intent, value) in &slot.fill.intents {
            let pointer = format!("{pointer}/fill/intents/{}", segment(intent));
            self.intent_named(&pointer, intent);
            self.value_fits(&pointer, slot, value);
        }
    }

    fn limits(&mut self, pointer: &str, slot: &Slot) {
        let is_number = slot.kind == SlotKind::Number;
        if !is_number && (slot.min.is_some() || slot.max.is_some()) {
            self.problem(pointer, "`min` and `max` go with `type: number`");
        }
        if slot.min.zip(slot.max).is_some_and(|(min, max)| min > max) {
            self.problem(pointer, "`min` is greater than `max`");
        }
        if (slot.kind == SlotKind::Choice) == slot.choices.is_empty() {
            self.problem(pointer, "`type: choice` and `choices` go together");
        }
        if !(1..=10).contains(&slot.attempts) {
            self.problem(format!("{pointer}/attempts"), "must be from 1 to 10");
        }
        let Some(pattern) = &slot.pattern else {
            return;
        };
        let pointer = format!("{pointer}/pattern");
        if slot.kind != SlotKind::Text {
            self.problem(&pointer, "goes with `type: text`");
        }
        if let Err(error) = regex::Regex::new(pattern) {
            let last = error.to_string();
            let last = last.lines().last().unwrap_or_default();
            self.problem(pointer, format!("is not a regular expression: {last}"));
        }
    }

    /// A value that is given to a slot by the document.
    pub(super) fn value_fits(&mut self, pointer: &str, slot: &Slot, value: &Scalar) {
        let wanted = match (slot.kind, value) {
            (SlotKind::Any, _)
            | (SlotKind::Text, Scalar::Text(_))
            | (SlotKind::Boolean, Scalar::Boolean(_))
            | (SlotKind::Number, Scalar::Number(_)) => return,
            (SlotKind::Choice, Scalar::Text(text)) if slot.choices.contains_key(text) => return,
            (SlotKind::Choice, _) => "one of its choices",
            (SlotKind::Text, _) => "text",
            (SlotKind::Boolean, _) => "true or false",
            (SlotKind::Number, _) => "a number",
        };
        self.problem(pointer, format!("`{value}` does not fit: use {wanted}"));
    }

    /// A slot that is asked for must be able to get an answer.
    pub(super) fn can_be_answered(&mut self, pointer: &str, name: &str, slot: &Slot) {
        let from_answer = match slot.kind {
            SlotKind::Number | SlotKind::Choice | SlotKind::Any => true,
            SlotKind::Text | SlotKind::Boolean => slot.fill.text && slot.kind == SlotKind::Text,
        };
        if !from_answer && slot.fill.entities.is_empty() && slot.fill.intents.is_empty() {
            self.problem(
                pointer,
                format!("nothing fills the slot `{name}`: give it `fill`"),
            );
        }
    }
}
