//! Dialogues, turn by turn, against the engine.

mod choices;
mod handover;
mod interruptions;
mod revisions;
mod talk;

use conversation::engine::{Input, Utterance};
use serde_json::json;
use stoa_contracts::conversations::{ConversationStatus, EventKind, Message};
use stoa_contracts::parse::Entity;
use talk::Talk;
use time::Duration;

#[test]
fn a_conversation_begins_with_the_flow_that_is_named_for_it() {
    let mut talk = Talk::start();
    assert_eq!(talk.turn(Input::Begin), ["Hello!"]);
}

#[test]
fn slots_are_filled_over_several_turns() {
    let mut talk = Talk::start();
    assert_eq!(
        talk.say("my meter", "report", &[]),
        ["Your contract number?"]
    );
    assert_eq!(talk.say("123456", "", &[]), ["What does the meter show?"]);
    assert_eq!(
        talk.say("it says 48,213 kWh", "report", &[]),
        ["48213 kWh on 123456, right?"]
    );
    assert_eq!(talk.say("yes", "affirm", &[]), ["Noted: 48213."]);
    assert_eq!(talk.state.view().flow, None);
}

#[test]
fn where_two_flows_may_be_meant_the_user_chooses_and_what_was_said_goes_along() {
    let mut talk = Talk::start();
    let said = talk.say_unclearly(
        "green?",
        &["price", "cost", "switch"],
        &[("tariff", "green")],
    );
    assert_eq!(said, ["What do you mean?"]);
    let offered = [
        ("Prices", r#"/price{"tariff":"green"}"#),
        ("Switch tariffs", r#"/switch{"tariff":"green"}"#),
        ("Something else", "/never_mind"),
    ];
    assert_eq!(talk.buttons(), offered);
    assert_eq!(talk.state.view().flow, None);
    let said = talk.press(r#"/switch{"tariff":"green"}"#);
    assert_eq!(talk.slot("tariff"), Some("green".into()));
    assert_eq!(
        talk.state.view().asking.as_deref(),
        Some("sure"),
        "{said:?}"
    );
}

#[test]
fn with_fewer_than_two_flows_to_choose_from_the_most_probable_one_starts() {
    for alternatives in [
        ["price", "cost"],
        ["price", "hours"],
        ["price", "unheard_of"],
    ] {
        let mut talk = Talk::start();
        assert_eq!(
            talk.say_unclearly("how much?", &alternatives, &[]),
            ["Which tariff?"]
        );
    }
}

#[test]
fn an_answer_to_the_open_question_is_one_even_if_it_may_mean_more() {
    let mut talk = Talk::start();
    talk.say("switch", "switch", &[]);
    talk.say_unclearly("green", &["price", "switch"], &[("tariff", "green")]);
    assert_eq!(talk.slot("tariff"), Some("green".into()));
    // In the middle of a flow the other one alone could start: nothing to choose.
    let said = talk.say_unclearly(
        "and what does basic cost?",
        &["price", "switch"],
        &[("tariff", "basic")],
    );
    assert_eq!(said[0], "basic costs 30 cents.");
}

#[test]
fn entities_of_the_first_utterance_answer_later_questions() {
    let mut talk = Talk::start();
    let said = talk.say(
        "contract 123456 shows 48213",
        "report",
        &[("number", "123456"), ("reading", "48213")],
    );
    assert_eq!(said, ["48213 kWh on 123456, right?"]);
}

#[test]
fn what_a_flow_asked_is_forgotten_at_its_end_unless_it_is_kept() {
    let mut talk = Talk::start();
    talk.say(
        "contract 123456 shows 48213",
        "report",
        &[("number", "123456"), ("reading", "48213")],
    );
    talk.say("yes", "affirm", &[]);
    assert_eq!(talk.slot("reading"), None);
    assert_eq!(talk.slot("number"), Some("123456".into()));
    assert_eq!(
        talk.say("again", "report", &[]),
        ["What does the meter show?"]
    );
}

#[test]
fn a_digression_is_answered_and_the_question_asked_again() {
    let mut talk = Talk::start();
    talk.say("my meter", "report", &[]);
    let said = talk.say("when are you open?", "hours", &[]);
    assert_eq!(
        said,
        [
            "Open from 8 to 18.",
            "Back to where we were.",
            "Your contract number?"
        ]
    );
    assert_eq!(talk.state.view().asking.as_deref(), Some("number"));
}

#[test]
fn a_digression_with_the_same_slot_does_not_disturb_the_flow_that_it_interrupts() {
    let mut talk = Talk::start();
    talk.say("switch me to green", "switch", &[("tariff", "green")]);
    let said = talk.say(
        "what would the basic tariff cost me?",
        "price",
        &[("tariff", "basic")],
    );
    assert_eq!(said[0], "basic costs 30 cents.");
    assert_eq!(talk.slot("tariff"), Some("green".into()));
    assert_eq!(talk.state.view().flow.as_deref(), Some("switch"));
}

#[test]
fn a_bare_answer_is_an_answer_whatever_its_intent_looks_like() {
    let mut talk = Talk::start();
    talk.say("switch", "switch", &[]);
    let said = talk.say("green", "price", &[("tariff", "green")]);
    assert_eq!(talk.slot("tariff"), Some("green".into()));
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(talk.state.view().asking.as_deref(), Some("sure"));
}

#[test]
fn a_choice_is_offered_as_buttons_and_read_from_other_words() {
    let mut talk = Talk::start();
    talk.say("price?", "price", &[]);
    assert!(talk.events.iter().any(|event| matches!(event,
        EventKind::Assistant { message: Message::Buttons { buttons, .. } } if buttons.len() == 2)));
    assert_eq!(talk.say("the ECO one", "", &[]), ["green costs 30 cents."]);
}

#[test]
fn a_value_that_does_not_fit_is_refused_and_asked_again() {
    let mut talk = Talk::start();
    talk.say("contract 123456", "report", &[("number", "123456")]);
    let said = talk.say("5000000", "", &[]);
    assert_eq!(said, ["That cannot be right.", "What does the meter show?"]);
}

#[test]
fn a_question_asked_too_often_in_vain_is_given_up() {
    let mut talk = Talk::start();
    talk.say(
        "contract 123456 shows 48213",
        "report",
        &[("number", "123456"), ("reading", "48213")],
    );
    assert_eq!(talk.say("hm", "", &[]).len(), 1);
    let said = talk.say("hm", "", &[]);
    assert!(said[0].starts_with("A colleague takes over ("), "{said:?}");
    assert_eq!(talk.state.status, ConversationStatus::Handover);
}

#[test]
fn digressions_are_no_failed_attempts() {
    let mut talk = Talk::start();
    talk.say("my meter", "report", &[]);
    for _ in 0..10 {
        assert_eq!(talk.say("when are you open?", "hours", &[]).len(), 3);
    }
}

#[test]
fn the_third_utterance_out_of_scope_calls_a_person() {
    let mut talk = Talk::start();
    assert_eq!(talk.say("what is love", "", &[]), ["Sorry?"]);
    assert_eq!(talk.say("sing", "", &[]), ["Sorry?"]);
    assert!(talk.say("dance", "", &[])[0].starts_with("A colleague"));
}

#[test]
fn the_assistant_is_silent_while_a_person_answers() {
    let mut talk = Talk::start();
    talk.say("a human please", "human", &[]);
    assert!(talk.say("when are you open?", "hours", &[]).is_empty());
    talk.state.take_back(talk.now);
    assert_eq!(
        talk.say("when are you open?", "hours", &[]),
        ["Open from 8 to 18."]
    );
}

#[test]
fn stop_ends_every_flow() {
    let mut talk = Talk::start();
    talk.say("my meter", "report", &[]);
    talk.say("price?", "price", &[]);
    assert_eq!(talk.say("never mind", "never_mind", &[]), ["Dropped."]);
    assert_eq!(talk.state.view().flow, None);
}

#[test]
fn after_a_long_silence_the_dialogue_starts_afresh() {
    let mut talk = Talk::start();
    talk.say("contract 123456", "report", &[("number", "123456")]);
    talk.now += Duration::minutes(31);
    let said = talk.say("when are you open?", "hours", &[]);
    assert_eq!(said, ["It has been a while.", "Open from 8 to 18."]);
    assert_eq!(talk.slot("number"), None);
}

#[test]
fn a_payload_starts_a_flow_without_understanding() {
    let mut talk = Talk::start();
    let said = Utterance::from_payload(r#"/price{"tariff":"eco"}"#).unwrap();
    assert_eq!(talk.turn(Input::Said(said)), ["green costs 30 cents."]);
}

#[test]
fn a_flow_that_may_not_interrupt_starts_only_when_nothing_is_asked() {
    let mut talk = Talk::start();
    assert_eq!(talk.say("yes", "affirm", &[]), ["Hello!"]);
    talk.say("my meter", "report", &[]);
    assert_eq!(talk.say("yes", "affirm", &[]), ["Your contract number?"]);
}

#[test]
fn a_number_is_read_from_an_entity_with_its_unit() {
    let mut talk = Talk::start();
    talk.say(
        "contract 123456 shows 48213 kWh",
        "report",
        &[("number", "123456"), ("reading", "48213 kWh")],
    );
    assert_eq!(talk.slot("reading"), Some(48213.into()));
}

#[test]
fn built_in_entities_fill_slots_with_what_they_say() {
    for (entity, value, slot, expected) in [
        (
            "money",
            json!({"amount": 5.5, "currency": "EUR"}),
            "sum",
            json!(5.5),
        ),
        (
            "money",
            json!({"amount": 5.5, "currency": "EUR"}),
            "price",
            json!("5.5 EUR"),
        ),
        (
            "duration",
            json!({"iso": "PT2H", "seconds": 7200}),
            "sum",
            json!(7200),
        ),
        (
            "duration",
            json!({"iso": "PT2H", "seconds": 7200}),
            "when",
            json!("PT2H"),
        ),
        (
            "datetime",
            json!({"value": "2026-11-28T17:00:00+02:00", "grain": "hour"}),
            "when",
            json!("2026-11-28T17:00:00+02:00"),
        ),
        (
            "datetime",
            json!({"from": "2026-11-28T00:00:00+02:00", "to": "2026-11-30T00:00:00+02:00", "grain": "day"}),
            "when",
            json!("2026-11-28T00:00:00+02:00"),
        ),
        (
            "datetime",
            json!({"to": "2026-11-30T00:00:00+02:00", "grain": "day"}),
            "when",
            json!("2026-11-30T00:00:00+02:00"),
        ),
    ] {
        let mut talk = Talk::start();
        let found = Entity {
            entity: entity.into(),
            start: 0,
            end: 2,
            value: value.clone(),
            confidence: 1.0,
            extractor: "builtin".into(),
            role: None,
            group: None,
        };
        talk.turn(Input::Said(Utterance {
            text: "so".into(),
            intent: Some(("pay".into(), 0.9)),
            entities: vec![found],
            alternatives: Vec::new(),
        }));
        assert_eq!(talk.slot(slot), Some(expected), "{entity} {value}");
    }
}
