//! Flows and their steps.

use super::{Check, segment};
use crate::flows::{Ask, Branch, Comparison, Conditions, Flow, Scalar, SlotKind, Step, Test};
use std::collections::BTreeMap;

/// Branches within branches; a flow that nests deeper wants to be two flows.
const NESTING_LIMIT: usize = 6;

impl Check<'_> {
    pub(super) fn all_flows(&mut self) {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, flow) in &self.flows.flows {
            let pointer = format!("/flows/{}", segment(name));
            self.definition(&pointer, name);
            for (at, intent) in flow.triggers.iter().enumerate() {
                let pointer = format!("{pointer}/triggers/{at}");
                self.intent_named(&pointer, intent);
                if let Some(owner) = owners.insert(intent, name) {
                    self.problem(
                        &pointer,
                        format!("`{intent}` starts the flow `{owner}` already"),
                    );
                }
            }
            self.flow(&pointer, flow);
        }
    }

    fn flow(&mut self, pointer: &str, flow: &Flow) {
        if flow.steps.is_empty() {
            self.problem(pointer, "needs at least one step");
        }
        self.steps(&format!("{pointer}/steps"), &flow.steps, 0);
    }

    fn steps(&mut self, pointer: &str, steps: &[Step], depth: usize) {
        if depth > NESTING_LIMIT {
            self.problem(
                pointer,
                "branches too deep: move the steps to a flow and `call` it",
            );
            return;
        }
        for (at, step) in steps.iter().enumerate() {
            self.step(&format!("{pointer}/{at}"), step, depth);
        }
    }

    fn step(&mut self, pointer: &str, step: &Step, depth: usize) {
        match step {
            Step::Say(name) => self.response_named(&format!("{pointer}/say"), Some(name)),
            Step::Handover(name) => self.response_named(&format!("{pointer}/handover"), Some(name)),
            Step::Call(name) => self.flow_named(&format!("{pointer}/call"), Some(name)),
            Step::Ask(ask) => self.ask(&format!("{pointer}/ask"), ask),
            Step::Set(values) => self.set(&format!("{pointer}/set"), &values.0),
            Step::Branch(branch) => self.branch(&format!("{pointer}/branch"), branch, depth),
            Step::End | Step::Stop => {}
        }
    }

    fn ask(&mut self, pointer: &str, ask: &Ask) {
        self.response_named(&format!("{pointer}/question"), ask.question.as_deref());
        let Some(slot) = self.flows.slots.get(&ask.slot) else {
            return self.slot_named(pointer, &ask.slot);
        };
        if ask.question.is_none() && slot.question.is_none() {
            self.problem(
                pointer,
                format!(
                    "nothing asks for `{}`: give the slot a `question`",
                    ask.slot
                ),
            );
        }
        self.can_be_answered(pointer, &ask.slot, slot);
    }

    fn set(&mut self, pointer: &str, values: &BTreeMap<String, Option<Scalar>>) {
        for (name, value) in values {
            let pointer = format!("{pointer}/{}", segment(name));
            match (self.flows.slots.get(name), value) {
                (None, _) => self.slot_named(&pointer, name),
                (Some(slot), Some(value)) => self.value_fits(&pointer, slot, value),
                (Some(_), None) => {}
            }
        }
    }

    fn branch(&mut self, pointer: &str, branch: &Branch, depth: usize) {
        if branch.cases.is_empty() {
            self.problem(pointer, "needs at least one case");
        }
        for (at, case) in branch.cases.iter().enumerate() {
            let pointer = format!("{pointer}/cases/{at}");
            self.conditions(&format!("{pointer}/when"), &case.when);
            self.steps(&format!("{pointer}/then"), &case.then, depth + 1);
        }
        self.steps(
            &format!("{pointer}/otherwise"),
            &branch.otherwise,
            depth + 1,
        );
    }

    fn conditions(&mut self, pointer: &str, conditions: &Conditions) {
        for (name, test) in conditions {
            let pointer = format!("{pointer}/{}", segment(name));
            let Some(slot) = self.flows.slots.get(name) else {
                self.slot_named(&pointer, name);
                continue;
            };
            if let Test::Compare(Comparison { above, below, .. }) = test
                && (above.is_some() || below.is_some())
                && slot.kind != SlotKind::Number
            {
                self.problem(&pointer, "`above` and `below` go with `type: number`");
            }
            let values: &[Scalar] = match test {
                Test::Is(value) => std::slice::from_ref(value),
                Test::OneOf(values) => values,
                Test::Compare(comparison) => comparison.is_not.as_slice(),
            };
            for value in values {
                self.value_fits(&pointer, slot, value);
            }
        }
    }
}
