//! Flows that call each other in a circle would never end.

use super::{Check, segment};
use crate::flows::{Flows, Step};
use std::collections::BTreeSet;

impl Check<'_> {
    pub(super) fn cycles(&mut self) {
        for name in self.flows.flows.keys() {
            let mut seen = BTreeSet::new();
            called_from(self.flows, name, &mut seen);
            if seen.contains(name.as_str()) {
                self.problem(
                    format!("/flows/{}", segment(name)),
                    format!("`{name}` calls itself, directly or through another flow"),
                );
            }
        }
    }
}

/// Every flow that a run of this one may call.
fn called_from<'a>(flows: &'a Flows, name: &str, seen: &mut BTreeSet<&'a str>) {
    let Some(flow) = flows.flows.get(name) else {
        return;
    };
    let mut called = BTreeSet::new();
    collect(&flow.steps, &mut called);
    for callee in called {
        if seen.insert(callee) {
            called_from(flows, callee, seen);
        }
    }
}

fn collect<'a>(steps: &'a [Step], called: &mut BTreeSet<&'a str>) {
    for step in steps {
        match step {
            Step::Call(name) => {
                called.insert(name);
            }
            Step::Branch(branch) => {
                branch
                    .cases
                    .iter()
                    .for_each(|case| collect(&case.then, called));
                collect(&branch.otherwise, called);
            }
            _ => {}
        }
    }
}
