//! Flows, compiled to a list of operations with jumps, so that a place in a flow is one number.

use std::collections::{BTreeMap, BTreeSet};
use stoa_contracts::flows::{
    Ask, Assignments, Conditions, Flow, Flows, Response, Scalar, Slot, Step, placeholders,
};

/// The flows of an assistant, ready to run.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The revision that it was compiled from.
    pub version: i32,
    pub(super) flows: Flows,
    code: BTreeMap<String, Code>,
    triggers: BTreeMap<String, String>,
}

/// A compiled flow.
#[derive(Clone, Debug, Default)]
struct Code {
    operations: Vec<Operation>,
    /// The slots that it, or a flow that it calls, asks for, sets, tests or says.
    slots: BTreeSet<String>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    /// Says a response.
    Say(String),
    /// Asks for a slot and waits.
    Ask(Ask),
    /// Gives slots a value.
    Set(Assignments),
    /// Goes on at the given operation unless the conditions hold.
    Unless(Conditions, usize),
    /// Goes on at the given operation.
    Jump(usize),
    /// Runs another flow.
    Call(String),
    /// Says a response and hands over to a person.
    Handover(String),
    /// Ends the flow.
    End,
    /// Ends every flow.
    Stop,
}

impl Program {
    /// Compiles a revision of flows. Names that lead nowhere are skipped when they are met.
    pub fn compile(version: i32, flows: Flows) -> Self {
        let mut code = BTreeMap::new();
        let mut triggers = BTreeMap::new();
        for (name, flow) in &flows.flows {
            code.insert(name.clone(), Code::compile(&flows, name, flow));
            for intent in &flow.triggers {
                triggers.insert(intent.clone(), name.clone());
            }
        }
        Self {
            version,
            flows,
            code,
            triggers,
        }
    }

    /// The flow that an intent starts.
    pub(crate) fn triggered_by(&self, intent: &str) -> Option<&str> {
        self.triggers.get(intent).map(String::as_str)
    }

    /// Whether there is such a flow.
    pub(super) fn has_flow(&self, flow: &str) -> bool {
        self.code.contains_key(flow)
    }

    /// The operation at a place; `None` past the end.
    pub(super) fn operation(&self, flow: &str, at: usize) -> Option<&Operation> {
        self.code.get(flow)?.operations.get(at)
    }

    /// The place of an operation in a flow: where it was before; else the one on the way that
    /// these slots lead to; another one only if there are no two.
    pub(super) fn place(
        &self,
        (flow, before): (&str, usize),
        slots: &BTreeMap<String, Scalar>,
        is_it: impl Fn(&Operation) -> bool,
    ) -> Option<usize> {
        let operations = &self.code.get(flow)?.operations;
        if operations.get(before).is_some_and(&is_it) {
            return Some(before);
        }
        // Every jump leads forwards.
        let (mut at, mut on_the_way) = (0, None);
        while let Some(operation) = operations.get(at) {
            at = match operation {
                found if is_it(found) => {
                    if on_the_way.replace(at).is_some() {
                        return None;
                    }
                    at + 1
                }
                // Nobody has come past a question without an answer.
                Operation::Ask(ask) if on_the_way.is_some() && !slots.contains_key(&ask.slot) => {
                    break;
                }
                Operation::Jump(target) => *target,
                Operation::Unless(conditions, target) if !hold(conditions, slots) => *target,
                Operation::End | Operation::Stop | Operation::Handover(_) => break,
                _ => at + 1,
            };
        }
        if on_the_way.is_some() {
            return on_the_way;
        }
        let mut found = (0..operations.len()).filter(|&at| is_it(&operations[at]));
        let (only, None) = (found.next()?, found.next()) else {
            return None;
        };
        Some(only)
    }

    /// The slots that a flow touches.
    pub(super) fn slots_of(&self, flow: &str) -> impl Iterator<Item = &str> {
        let slots = self.code.get(flow).map(|code| &code.slots);
        slots.into_iter().flatten().map(String::as_str)
    }

    /// A slot.
    pub(super) fn slot(&self, name: &str) -> Option<&Slot> {
        self.flows.slots.get(name)
    }

    /// A response.
    pub(super) fn response(&self, name: &str) -> Option<&Response> {
        self.flows.responses.get(name)
    }
}

/// Whether all of the conditions hold.
pub(super) fn hold(conditions: &Conditions, slots: &BTreeMap<String, Scalar>) -> bool {
    let mut conditions = conditions.iter();
    conditions.all(|(name, test)| test.holds(slots.get(name)))
}

impl Code {
    fn compile(flows: &Flows, name: &str, flow: &Flow) -> Self {
        let mut operations = Vec::new();
        emit(&flow.steps, &mut operations);
        let mut slots = BTreeSet::new();
        collect_slots(flows, name, &mut BTreeSet::new(), &mut slots);
        Self { operations, slots }
    }
}

fn emit(steps: &[Step], code: &mut Vec<Operation>) {
    for step in steps {
        match step {
            Step::Say(response) => code.push(Operation::Say(response.clone())),
            Step::Ask(ask) => code.push(Operation::Ask(ask.clone())),
            Step::Set(values) => code.push(Operation::Set(values.clone())),
            Step::Call(flow) => code.push(Operation::Call(flow.clone())),
            Step::Handover(response) => code.push(Operation::Handover(response.clone())),
            Step::End => code.push(Operation::End),
            Step::Stop => code.push(Operation::Stop),
            Step::Branch(branch) => {
                let mut leave = Vec::new();
                for case in &branch.cases {
                    let test = code.len();
                    code.push(Operation::Unless(case.when.clone(), 0));
                    emit(&case.then, code);
                    leave.push(code.len());
                    code.push(Operation::Jump(0));
                    code[test] = Operation::Unless(case.when.clone(), code.len());
                }
                emit(&branch.otherwise, code);
                for jump in leave {
                    code[jump] = Operation::Jump(code.len());
                }
            }
        }
    }
}

/// Collects the slots of a flow and of the flows that it calls (`seen` stops at circles).
fn collect_slots<'a>(
    flows: &'a Flows,
    name: &'a str,
    seen: &mut BTreeSet<&'a str>,
    slots: &mut BTreeSet<String>,
) {
    let Some(flow) = flows.flows.get(name).filter(|_| seen.insert(name)) else {
        return;
    };
    let mut pending: Vec<&Step> = flow.steps.iter().collect();
    while let Some(step) = pending.pop() {
        match step {
            Step::Say(response) | Step::Handover(response) => {
                slots.extend(slots_said(flows, response));
            }
            Step::Ask(ask) => {
                slots.insert(ask.slot.clone());
            }
            Step::Set(values) => slots.extend(values.0.keys().cloned()),
            Step::Call(flow) => collect_slots(flows, flow, seen, slots),
            Step::Branch(branch) => {
                for case in &branch.cases {
                    slots.extend(case.when.keys().cloned());
                    pending.extend(&case.then);
                }
                pending.extend(&branch.otherwise);
            }
            Step::End | Step::Stop => {}
        }
    }
}

/// The slots in the texts of a response.
fn slots_said<'a>(flows: &'a Flows, response: &str) -> impl Iterator<Item = String> + 'a {
    let variants = flows.responses.get(response).map(|r| r.0.as_slice());
    variants
        .unwrap_or_default()
        .iter()
        .flat_map(|variant| placeholders(&variant.text))
        .filter_map(|(_, name)| name)
        .filter(|&name| flows.slots.contains_key(name))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_becomes_tests_and_jumps() {
        let flows: Flows = serde_saphyr::from_str(
            "flows: {f: {steps: [{branch: {cases: [{when: {x: 1}, then: [say: a]}], \
             otherwise: [say: b]}}, end]}}",
        )
        .unwrap();
        let program = Program::compile(1, flows);
        let code = &program.code["f"].operations;
        assert!(matches!(&code[0], Operation::Unless(_, 3)));
        assert_eq!(code[1], Operation::Say("a".into()));
        assert_eq!(code[2], Operation::Jump(4));
        assert_eq!(code[3], Operation::Say("b".into()));
        assert_eq!(code[4], Operation::End);
    }

    #[test]
    fn the_slots_of_a_flow_include_those_of_the_flows_that_it_calls() {
        let flows: Flows = serde_saphyr::from_str(
            "slots: {said: {type: text}}
responses: {hello: 'Hi {said} {reference}'}
flows:
  outer: {steps: [call: inner, ask: asked]}
  inner: {steps: [say: hello, set: {set: 1}, call: outer]}",
        )
        .unwrap();
        let program = Program::compile(1, flows);
        assert_eq!(
            program.slots_of("outer").collect::<Vec<_>>(),
            ["asked", "said", "set"]
        );
    }
}
