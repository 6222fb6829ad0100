//! Flows that call each other in a circle would never end; those that call each other too deep are
//! ended by the engine.

use super::{Check, segment};
use crate::flows::{CALL_LIMIT, Flows, Step};
use std::collections::{BTreeMap, BTreeSet};

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

    pub(super) fn call_depth(&mut self) {
        let mut known = BTreeMap::new();
        for name in self.flows.flows.keys() {
            let deep = depth(self.flows, name, &mut known);
            if deep > CALL_LIMIT {
                self.problem(
                    format!("/flows/{}", segment(name)),
                    format!("the calls from `{name}` are {deep} deep: {CALL_LIMIT} are the most"),
                );
            }
        }
    }
}

/// How many flows are open at once when one runs, itself included.
fn depth<'a>(flows: &'a Flows, name: &'a str, known: &mut BTreeMap<&'a str, usize>) -> usize {
    if let Some(depth) = known.get(name) {
        return *depth;
    }
    let Some(flow) = flows.flows.get(name) else {
        return 0;
    };
    // A circle ends here; it is a problem of its own.
    known.insert(name, 0);
    let mut called = BTreeSet::new();
    collect(&flow.steps, &mut called);
    let depths = called.into_iter().map(|callee| depth(flows, callee, known));
    let depth = depths.max().unwrap_or(0) + 1;
    known.insert(name, depth);
    depth
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
