//! What a person is told, and how the assistant goes on afterwards.

use crate::talk::Talk;
use stoa_contracts::conversations::ConversationStatus;
use time::Duration;

const FLOWS: &str = "
settings: {give_up: stuck, session_minutes: 60, session_expired: afresh}
responses:
  ask_reading: What does the meter show?
  ask_sure: '{reading} kWh, right?'
  ask_call: Shall a colleague call you?
  colleague: A colleague looks at {reading} kWh.
  bye: Then not.
  afresh: Let us start afresh.
  hello: Hello!
slots:
  reading: {type: number, question: ask_reading}
  sure: {type: boolean, question: ask_sure, attempts: 1, fill: {intents: {affirm: true, deny: false}}}
  call: {type: boolean, question: ask_call, fill: {intents: {affirm: true, deny: false}}}
flows:
  report: {triggers: [report], steps: [ask: reading, ask: sure]}
  human: {triggers: [human], steps: [handover: colleague]}
  stuck: {steps: [handover: colleague]}
  hello: {triggers: [hello], steps: [say: hello]}
";

/// Somebody has told a reading and is asked whether it is right.
fn with_a_reading(flows: &str) -> Talk {
    let mut talk = Talk::with(flows);
    talk.say("my meter", "report", &[]);
    assert_eq!(talk.say("48213", "", &[]), ["48213 kWh, right?"]);
    talk
}

#[test]
fn a_person_is_told_what_the_interrupted_flow_has_asked() {
    let mut talk = with_a_reading(FLOWS);
    let said = talk.say("a human please", "human", &[]);
    assert_eq!(said, ["A colleague looks at 48213 kWh."]);
    assert_eq!(talk.slot("reading"), Some(48213.into()));
}

#[test]
fn a_person_is_told_what_was_asked_before_the_assistant_gave_up() {
    let mut talk = with_a_reading(FLOWS);
    assert_eq!(talk.say("hm", "", &[]), ["A colleague looks at 48213 kWh."]);
    assert_eq!(talk.slot("reading"), Some(48213.into()));
    assert_eq!(talk.state.status, ConversationStatus::Handover);
}

#[test]
fn what_was_asked_before_giving_up_is_told_nobody_but_a_person() {
    let asks = "stuck: {steps: [ask: call, {branch: {cases: [{when: {call: true}, \
                then: [handover: colleague]}]}}, say: bye]}";
    let flows = FLOWS.replace("stuck: {steps: [handover: colleague]}", asks);
    let mut talk = with_a_reading(&flows);
    assert_eq!(talk.say("hm", "", &[]), ["Shall a colleague call you?"]);
    assert_eq!(talk.slot("reading"), None);
    assert_eq!(talk.say("no", "deny", &[]), ["Then not."]);
    assert!(talk.state.view().slots.is_empty());
    let mut talk = with_a_reading(&flows);
    talk.say("hm", "", &[]);
    let said = talk.say("yes", "affirm", &[]);
    assert_eq!(said, ["A colleague looks at 48213 kWh."]);
    assert_eq!(talk.slot("call"), Some(true.into()));
}

#[test]
fn a_person_is_not_told_what_the_flow_that_hands_over_has_emptied() {
    for (text, intent) in [("a human please", "human"), ("hm", "")] {
        let emptied = "steps: [call: forget, handover: colleague]";
        let flows = FLOWS.replace("steps: [handover: colleague]", emptied);
        let mut talk = with_a_reading(&format!(
            "{flows}  forget: {{steps: [set: {{reading: null}}]}}\n"
        ));
        assert_eq!(talk.say(text, intent, &[]), ["A colleague looks at  kWh."]);
        assert_eq!(talk.slot("reading"), None);
    }
}

#[test]
fn what_was_asked_before_giving_up_is_not_given_back_by_the_release_before() {
    let asks = "stuck: {steps: [ask: call, handover: colleague]}";
    let flows = FLOWS.replace("stuck: {steps: [handover: colleague]}", asks);
    let mut talk = with_a_reading(&flows);
    assert_eq!(talk.say("hm", "", &[]), ["Shall a colleague call you?"]);
    let stored = serde_json::to_value(&talk.state).unwrap();
    assert_eq!(stored["stack"][0]["saved"], serde_json::json!({}));
    talk.state = serde_json::from_value(stored).unwrap();
    let said = talk.say("yes", "affirm", &[]);
    assert_eq!(said, ["A colleague looks at 48213 kWh."]);
}

#[test]
fn the_talk_with_a_person_is_no_silence() {
    let mut talk = Talk::with(FLOWS);
    talk.say("a human please", "human", &[]);
    talk.now += Duration::minutes(90);
    talk.state.take_back(talk.now);
    talk.now += Duration::minutes(1);
    assert_eq!(talk.say("hello again", "hello", &[]), ["Hello!"]);
}
