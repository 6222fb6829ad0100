//! The demo assistant's flows are sound, and fit its training data.

use std::collections::BTreeSet;
use stoa_contracts::flows::Flows;

const FLOWS: &str = include_str!("../../../ci/stoa/demo/flows.yml");
const TRAINING_DATA: &str = include_str!("../../../ci/stoa/demo/training-data.yml");

/// The words after a prefix at the start of a line.
fn named(prefix: &str) -> BTreeSet<String> {
    let names = TRAINING_DATA
        .lines()
        .filter_map(|line| line.trim().strip_prefix(prefix));
    names.map(|name| name.trim().to_owned()).collect()
}

#[test]
fn the_flows_of_the_demo_assistant_have_no_problem() {
    let flows: Flows = serde_saphyr::from_str(FLOWS).unwrap();
    let mut entities = named("- lookup:");
    entities.extend(named("- regex:"));
    assert_eq!(flows.check(&named("- intent:"), &entities), []);
}

#[test]
fn every_intent_of_the_demo_assistant_leads_somewhere() {
    let flows: Flows = serde_saphyr::from_str(FLOWS).unwrap();
    let triggers: BTreeSet<_> = flows
        .flows
        .values()
        .flat_map(|flow| &flow.triggers)
        .collect();
    for intent in named("- intent:") {
        let is_special = ["inform", "out_of_scope"].contains(&intent.as_str());
        assert!(
            is_special || triggers.contains(&intent),
            "{intent} starts no flow"
        );
    }
}
