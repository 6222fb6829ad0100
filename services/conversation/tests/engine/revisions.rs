//! Flows that somebody saves while a conversation is in the middle of them.

use crate::talk::{DEMO, FLOWS, Talk};

/// A flow in which one slot is asked for in two ways.
const SURVEY: &str = "
responses: {q: Which?, first: First?, second: Second?, left: Left., right: Right.}
slots:
  way: {type: choice, question: q, choices: {left: [], right: []}}
  sure: {type: boolean, question: q, fill: {intents: {affirm: true, deny: false}}}
flows:
  survey:
    triggers: [survey]
    steps:
      - ask: way
      - branch:
          cases:
            - when: {way: left}
              then: [ask: {slot: sure, question: first}, say: left]
          otherwise: [ask: {slot: sure, question: second}, say: right]
";

/// A flow that asks two things with one slot, and one that calls another twice.
const TWICE: &str = "
responses: {address: Is the address right?, letter: A newsletter?, other: A colleague helps., one: One?,
  got: 'It is {x}.', done: Done.}
slots:
  ok: {type: boolean, question: address, fill: {intents: {affirm: true, deny: false}}}
  x: {type: any, question: one}
flows:
  check:
    triggers: [check]
    steps:
      - ask: ok
      - branch: {cases: [{when: {ok: false}, then: [handover: other]}]}
      - set: {ok: null}
      - ask: {slot: ok, question: letter}
      - say: done
  ask_x: {steps: [ask: {slot: x, again: true}]}
  both: {triggers: [both], steps: [call: ask_x, say: got, call: ask_x, say: done]}
";

#[test]
fn of_two_questions_for_a_slot_in_a_row_the_one_that_was_asked_is_open() {
    let mut talk = Talk::with(TWICE);
    talk.say("check me", "check", &[]);
    assert_eq!(talk.say("yes", "affirm", &[]), ["A newsletter?"]);
    talk.save(&TWICE.replace("Done.", "All done."));
    assert_eq!(talk.say("no", "deny", &[]), ["All done."]);
}

#[test]
fn where_either_of_two_questions_may_have_moved_the_flow_asks_again() {
    let mut talk = Talk::with(TWICE);
    talk.say("check me", "check", &[]);
    assert_eq!(talk.say("yes", "affirm", &[]), ["A newsletter?"]);
    talk.save(&TWICE.replace("- ask: ok", "- say: one\n      - ask: ok"));
    assert_eq!(
        talk.say("no", "deny", &[]),
        ["One?", "Is the address right?"]
    );
    assert_eq!(talk.slot("ok"), None);
}

#[test]
fn of_two_calls_of_a_flow_the_second_goes_on() {
    let mut talk = Talk::with(TWICE);
    talk.say("both", "both", &[]);
    assert_eq!(talk.say("this", "", &[]), ["It is this.", "One?"]);
    talk.save(&TWICE.replace("Done.", "All done."));
    assert_eq!(talk.say("that", "", &[]), ["All done."]);
}

#[test]
fn the_next_message_answers_the_question_that_was_asked() {
    let mut talk = Talk::with(DEMO);
    talk.say("I want to complain", "complaint", &[]);
    talk.say("The bill is wrong.", "", &[]);
    talk.say("yes", "affirm", &[]);
    assert_eq!(talk.state.view().asking.as_deref(), Some("phone"));
    talk.save(&DEMO.replace("Hello! What can", "Hello there! What can"));
    let said = talk.say("0555 123456", "", &[]);
    assert!(said[0].contains("calls 0555 123456"), "{said:?}");
}

#[test]
fn a_question_that_has_moved_is_still_open() {
    let mut talk = Talk::start();
    talk.say("contract 123456", "report", &[("number", "123456")]);
    talk.save(&FLOWS.replace("- call: identify", "- say: hello"));
    let said = talk.say("hm", "", &[]);
    assert_eq!(said, ["That cannot be right.", "What does the meter show?"]);
    assert_eq!(talk.say("5", "", &[]), ["5 kWh on 123456, right?"]);
}

#[test]
fn a_question_of_a_flow_that_was_called_is_still_open() {
    let mut talk = Talk::start();
    talk.say("my meter", "report", &[]);
    talk.save(&FLOWS.replace(
        "      - call: identify",
        "      - say: hello\n      - call: identify",
    ));
    let said = talk.say("123456", "", &[]);
    assert_eq!(said, ["Hello!", "What does the meter show?"]);
    assert_eq!(talk.slot("number"), Some("123456".into()));
}

#[test]
fn of_two_questions_for_a_slot_the_one_on_the_way_is_open() {
    let mut talk = Talk::with(SURVEY);
    talk.say("ask me", "survey", &[]);
    assert_eq!(talk.say("right", "", &[]), ["Second?"]);
    talk.save(&SURVEY.replace("- ask: way", "- say: q\n      - ask: way"));
    assert_eq!(talk.say("yes", "affirm", &[]), ["Which?", "Right."]);
}

/// A flow with one question.
const READING: &str = "
responses: {ask_reading: What does the meter show?, ask_number: Your contract number?, ask_gas: Is it gas?,
  noted: '{reading} kWh on {number}.', other: A colleague helps., aside: By the way.}
slots:
  reading: {type: number, question: ask_reading}
  number: {type: text, question: ask_number, fill: {text: true}}
  gas: {type: boolean, question: ask_gas, fill: {intents: {affirm: true, deny: false}}}
flows:
  aside: {triggers: [aside], steps: [say: aside]}
  read: {steps: [ask: reading]}
  report: {triggers: [report], steps: [ask: reading, say: noted]}
";

#[test]
fn a_question_that_comes_before_the_open_one_now_is_asked_after_it() {
    for asks in ["ask: reading", "call: read"] {
        let before = READING.replace("ask: reading, say", &format!("{asks}, say"));
        let mut talk = Talk::with(&before);
        talk.say("my meter", "report", &[]);
        let asks_more = format!("[ask: number, {asks}, say");
        talk.save(&before.replace(&format!("[{asks}, say"), &asks_more));
        talk.say("by the way", "aside", &[]);
        let said = talk.say("48213", "", &[]);
        assert_eq!(said, ["Your contract number?"], "{asks}");
        assert_eq!(talk.say("12", "", &[]), ["48213 kWh on 12."], "{asks}");
        assert_eq!(talk.state.view().flow, None);
    }
}

#[test]
fn a_guard_that_comes_before_the_open_question_now_is_not_passed_by() {
    let mut talk = Talk::with(READING);
    talk.say("my meter", "report", &[]);
    talk.save(&READING.replace(
        "[ask: reading, say: noted]",
        "[ask: gas, {branch: {cases: [{when: {gas: false}, then: [ask: reading, say: noted]}], \
         otherwise: [handover: other]}}]",
    ));
    assert_eq!(talk.say("48213", "", &[]), ["Is it gas?"]);
    assert_eq!(talk.say("yes", "affirm", &[]), ["A colleague helps."]);
}

#[test]
fn the_answer_to_a_question_that_is_gone_answers_no_other() {
    let mut talk = Talk::start();
    talk.say("contract 123456", "report", &[("number", "123456")]);
    let renamed = FLOWS.replace("ask: reading", "ask: sum");
    talk.save(&renamed.replace("- call: identify", "- ask: number"));
    assert_eq!(talk.say("654321", "", &[]), ["Sorry?"]);
    assert_eq!(talk.slot("number"), Some("123456".into()));
    assert_eq!(talk.slot("sum"), None);
    assert_eq!(talk.state.view().asking.as_deref(), Some("sum"));
}

#[test]
fn a_digression_that_is_gone_gives_back_what_it_has_put_aside() {
    let mut talk = Talk::start();
    talk.say("switch me to green", "switch", &[("tariff", "green")]);
    talk.say("what does a tariff cost?", "price", &[]);
    assert_eq!(talk.slot("tariff"), None);
    let without = FLOWS
        .lines()
        .filter(|line| !line.contains("triggers: [price,"));
    talk.save(&without.collect::<Vec<_>>().join("\n"));
    talk.say("basic", "", &[]);
    assert_eq!(talk.slot("tariff"), Some("green".into()));
    assert_eq!(talk.state.view().flow.as_deref(), Some("switch"));
    assert_eq!(talk.state.view().asking.as_deref(), Some("sure"));
}

#[test]
fn a_conversation_survives_flows_that_are_gone() {
    let mut talk = Talk::start();
    talk.say("my meter", "report", &[]);
    talk.save("{}");
    assert!(talk.say("123456", "", &[]).is_empty());
    assert_eq!(talk.state.view().flow, None);
}
