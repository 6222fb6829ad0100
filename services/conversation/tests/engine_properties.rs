//! Whatever the flows and whatever is said: a turn ends, and nothing panics.

use conversation::engine::{Input, Program, State, Utterance, step};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use stoa_contracts::flows::{
    Ask, Assignments, Branch, Case, Fill, Flow, FlowSettings, Flows, Response, Scalar, Slot,
    SlotKind, Step, Test, Variant,
};
use stoa_contracts::parse::Entity;
use time::{Duration, OffsetDateTime};

/// The operations of a turn are limited to 500; each says or fills a few things, and leaving a
/// stack of eight flows, each eight calls deep, a few hundred more.
const EVENTS_LIMIT: usize = 5_000;

/// A few names, some of which lead nowhere.
fn name() -> impl Strategy<Value = String> {
    "[a-e]"
}

/// Quarters: exact in binary, so that they survive JSON to the bit.
fn number() -> impl Strategy<Value = f64> {
    any::<i32>().prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Boolean),
        number().prop_map(Scalar::Number),
        ".{0,8}".prop_map(Scalar::Text),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        name().prop_map(Step::Say),
        (name(), any::<bool>()).prop_map(|(slot, again)| Step::Ask(Ask {
            slot,
            again,
            question: None
        })),
        btree_map(name(), proptest::option::of(scalar()), 0..3)
            .prop_map(|values| Step::Set(Assignments(values))),
        name().prop_map(Step::Call),
        name().prop_map(Step::Handover),
        Just(Step::End),
        Just(Step::Stop),
    ];
    let step = leaf.prop_recursive(3, 20, 4, |inner| {
        let case = (
            btree_map(name(), scalar().prop_map(Test::Is), 0..2),
            vec(inner.clone(), 0..3),
        )
            .prop_map(|(when, then)| Case { when, then });
        (vec(case, 0..3), vec(inner, 0..3))
            .prop_map(|(cases, otherwise)| Step::Branch(Branch { cases, otherwise }))
    });
    vec(step, 0..6)
}

fn slot() -> impl Strategy<Value = Slot> {
    let kind = prop_oneof![
        Just(SlotKind::Text),
        Just(SlotKind::Number),
        Just(SlotKind::Choice),
        Just(SlotKind::Boolean),
        Just(SlotKind::Any),
    ];
    let fill = (
        vec(name(), 0..2),
        btree_map(name(), scalar(), 0..2),
        any::<bool>(),
    )
        .prop_map(|(entities, intents, text)| Fill {
            entities,
            intents,
            text,
        });
    (kind, fill, 0u32..4, any::<bool>(), name()).prop_map(
        |(kind, fill, attempts, keep, question)| Slot {
            kind,
            fill,
            attempts,
            keep,
            question: Some(question),
            pattern: Some("(a|1+)*".into()),
            choices: [("a".to_owned(), vec!["1".to_owned()])].into(),
            ..Slot::default()
        },
    )
}

fn flows() -> impl Strategy<Value = Flows> {
    let flow = (vec(name(), 0..2), steps()).prop_map(|(triggers, steps)| Flow {
        title: triggers.first().cloned(),
        triggers,
        steps,
        ..Flow::default()
    });
    let variant = ".{0,12}".prop_map(|text| Variant {
        text,
        buttons: Vec::new(),
    });
    let responses = btree_map(name(), vec(variant, 0..3).prop_map(Response), 0..5);
    let settings = (name(), name()).prop_map(|(start, give_up)| FlowSettings {
        disambiguation: Some(start.clone()),
        start: Some(start),
        give_up: Some(give_up),
        ..FlowSettings::default()
    });
    (
        settings,
        responses,
        btree_map(name(), slot(), 0..5),
        btree_map(name(), flow, 0..5),
    )
        .prop_map(|(settings, responses, slots, flows)| Flows {
            settings,
            responses,
            slots,
            flows,
        })
}

fn utterance() -> impl Strategy<Value = Utterance> {
    let value = prop_oneof![".{0,6}".prop_map(Into::into), number().prop_map(Into::into)];
    let entity =
        (name(), any::<usize>(), any::<usize>(), value).prop_map(|(entity, start, end, value)| {
            Entity {
                entity,
                start,
                end,
                value,
                confidence: 1.0,
                extractor: "model".into(),
                role: None,
                group: None,
            }
        });
    let text = prop_oneof![".{0,20}", "[0-9 .,'-]{0,20}", "/[a-e]"];
    (
        text,
        proptest::option::of((name(), 0.0..=1.0)),
        vec(entity, 0..3),
    )
        .prop_map(|(text, intent, entities)| Utterance {
            text,
            intent,
            entities,
            alternatives: ["a", "b", "c"].map(str::to_owned).to_vec(),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_turn_ends_and_its_state_can_be_stored(
        before in flows(),
        after in flows(),
        said in vec(utterance(), 1..8),
        minutes in 0i64..90,
    ) {
        let mut rng = StdRng::seed_from_u64(7);
        let mut now = OffsetDateTime::UNIX_EPOCH;
        let mut state = State::new(now, &mut rng);
        let programs = [Program::compile(1, before), Program::compile(2, after)];
        let inputs = std::iter::once(Input::Begin).chain(said.into_iter().map(Input::Said));
        for (at, input) in inputs.enumerate() {
            // Half way through the flows change.
            let program = &programs[usize::from(at >= 4)];
            let (next, events) = step(program, state, input, now, &mut rng);
            prop_assert!(events.len() < EVENTS_LIMIT, "{} events", events.len());
            let stored = serde_json::to_string(&next).unwrap();
            state = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(&state, &next);
            now += Duration::minutes(minutes);
        }
    }
}
