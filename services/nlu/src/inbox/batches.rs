//! Utterances as jobs: of one assistant each, and no larger than a job may be.

use super::buffer::Owner;
use std::collections::BTreeMap;
use stoa_contracts::hand_over::HandedJob;
use stoa_contracts::inbox::{BATCH_BYTES, CollectInbox, UncertainUtterance};
use stoa_contracts::jobs::Payload as _;
use uuid::Uuid;

/// A job, and how often its utterances were said.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) job: HandedJob,
    pub(super) said: u64,
}

/// The jobs that bring these utterances.
pub(super) fn of(
    utterances: Vec<(Owner, UncertainUtterance)>,
    trace: &BTreeMap<String, String>,
) -> Vec<Batch> {
    let mut by_owner: BTreeMap<Owner, Vec<UncertainUtterance>> = BTreeMap::new();
    for (owner, utterance) in utterances {
        by_owner.entry(owner).or_default().push(utterance);
    }
    let parts = by_owner.into_iter().flat_map(|(owner, utterances)| {
        parts(utterances).into_iter().map(move |part| (owner, part))
    });
    parts
        .map(|(owner, part)| batch(owner, part, trace))
        .collect()
}

/// The utterances in parts that a job can carry.
fn parts(utterances: Vec<UncertainUtterance>) -> Vec<Vec<UncertainUtterance>> {
    let (mut parts, mut bytes) = (vec![Vec::new()], 0);
    for utterance in utterances {
        let json = serde_json::to_vec(&utterance).expect("an utterance has string keys only");
        bytes += json.len() + 1;
        if bytes > BATCH_BYTES {
            parts.push(Vec::new());
            bytes = json.len() + 1;
        }
        if let Some(part) = parts.last_mut() {
            part.push(utterance);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn batch(
    owner: Owner,
    utterances: Vec<UncertainUtterance>,
    trace: &BTreeMap<String, String>,
) -> Batch {
    let said = utterances
        .iter()
        .map(|utterance| u64::from(utterance.times))
        .sum();
    let payload = CollectInbox {
        assistant_id: owner.assistant,
        account_id: owner.account,
        utterances,
    };
    let job = HandedJob {
        id: Uuid::now_v7(),
        account_id: owner.account,
        kind: CollectInbox::KIND.to_owned(),
        version: CollectInbox::VERSION,
        payload: serde_json::to_value(payload).expect("a payload has string keys only"),
        trace: trace.clone(),
    };
    Batch { job, said }
}
