//! Flows that interrupt others, call others, and are come back to.

use crate::talk::{DEMO, Talk};
use stoa_contracts::conversations::EventKind;

#[test]
fn going_back_to_a_flow_goes_back_to_the_one_that_it_has_called() {
    let mut talk = Talk::with(DEMO);
    talk.say("change my instalment", "change_installment", &[]);
    talk.say(
        "What does green cost?",
        "tariff_info",
        &[("tariff", "green")],
    );
    let back = "Change my instalment to 80 euros";
    let said = talk.say(back, "change_installment", &[("money", "80 euros")]);
    assert!(said.last().unwrap().contains("contract number"), "{said:?}");
    assert_eq!(talk.state.view().asking.as_deref(), Some("contract_number"));
    assert_eq!(talk.slot("tariff"), None);
    let said = talk.say("SV-10023456", "", &[]);
    let done = "Your instalment for contract SV-10023456 is now 80 euros a month";
    assert!(said[0].starts_with(done), "{said:?}");
}

/// Flows that call each other so deep, the last of which asks; and a digression.
fn calls(depth: usize) -> String {
    let callers = (1..depth).map(|at| {
        let triggers = if at == 1 { "triggers: [go], " } else { "" };
        let next = at + 1;
        format!("  f{at}: {{{triggers}steps: [call: f{next}, say: tell]}}\n")
    });
    let callers: String = callers.collect();
    format!(
        "responses: {{q: Which?, tell: 'It is {{x}}.', aside: By the way.}}
slots: {{x: {{type: any, question: q}}}}
flows:
  aside: {{triggers: [aside], steps: [say: aside]}}
{callers}  f{depth}: {{steps: [ask: x]}}
"
    )
}

#[test]
fn flows_that_are_called_as_deep_as_they_may_come_back_to_their_callers() {
    let mut talk = Talk::with(&calls(8));
    assert_eq!(talk.say("go", "go", &[]), ["Which?"]);
    assert_eq!(talk.say("well", "aside", &[]), ["By the way.", "Which?"]);
    assert_eq!(talk.say("this", "", &[]), ["It is this."; 7]);
}

#[test]
fn a_call_that_is_too_deep_ends_all_and_runs_nothing_alone() {
    let mut talk = Talk::with("{}");
    talk.save(&calls(9));
    assert!(talk.say("go", "go", &[]).is_empty());
    assert_eq!(talk.state.view().flow, None);
}

#[test]
fn the_value_of_a_button_fills_one_question_of_two_flows_that_are_called() {
    let mut talk = Talk::with(
        "responses: {out: When out?, back: When back?, trip: 'Out {out}, back {back}.'}
slots:
  out: {type: text, question: out, fill: {entities: [datetime]}}
  back: {type: text, question: back, fill: {entities: [datetime]}}
  seat: {type: text, question: out, fill: {entities: [number]}}
flows:
  trip: {triggers: [trip], steps: [call: ask_out, call: ask_back, ask: seat, say: trip]}
  ask_out: {steps: [ask: out]}
  ask_back: {steps: [ask: back]}
",
    );
    talk.say("a trip", "trip", &[]);
    let said = talk.press(r#"/inform{"datetime":"2026-12-01","number":"12"}"#);
    assert_eq!(said, ["When back?"]);
    assert_eq!(talk.slot("seat"), Some("12".into()));
    let said = talk.press(r#"/inform{"datetime":"2026-12-08"}"#);
    assert_eq!(said, ["Out 2026-12-01, back 2026-12-08."]);
}

#[test]
fn a_call_that_is_too_deep_is_given_up_as_a_question_is() {
    for settings in ["give_up: aside", "fallback: {flow: aside}"] {
        let mut talk = Talk::with("{}");
        talk.save(&format!("settings: {{{settings}}}\n{}", calls(9)));
        assert_eq!(talk.say("go", "go", &[]), ["By the way."], "{settings}");
        assert_eq!(talk.state.view().flow, None);
    }
}

#[test]
fn giving_up_by_a_call_that_is_too_deep_is_tried_once() {
    let mut talk = Talk::with("{}");
    talk.save(&format!("settings: {{give_up: f2}}\n{}", calls(10)));
    assert!(talk.say("go", "go", &[]).is_empty());
    assert_eq!(talk.state.view().flow, None);
    let started = EventKind::FlowStarted { flow: "f2".into() };
    let times = talk.events.iter().filter(|event| **event == started);
    assert_eq!(times.count(), 2);
}

/// Flows that interrupt each other; each of them calls one that asks.
fn digressions(count: usize) -> String {
    let digressions = (1..=count)
        .map(|at| format!("  d{at}: {{triggers: [d{at}], steps: [call: ask_x, say: said]}}\n"));
    let digressions: String = digressions.collect();
    format!(
        "responses: {{q: Which?, said: '{{x}}', own: '{{z}}'}}
slots:
  x: {{type: any, question: q, fill: {{entities: [x]}}}}
  z: {{type: any, question: q, fill: {{entities: [z]}}}}
flows:
  ask_x: {{steps: [ask: x]}}
  d0: {{triggers: [d0], steps: [set: {{z: kept}}, call: ask_x, say: own]}}
{digressions}"
    )
}

#[test]
fn the_oldest_flow_is_dropped_when_too_many_were_interrupted() {
    let mut talk = Talk::with(&digressions(8));
    for at in 0..=8 {
        assert_eq!(
            talk.say("something else", &format!("d{at}"), &[]),
            ["Which?"]
        );
    }
    assert_eq!(talk.slot("z"), None);
    let ended = EventKind::FlowEnded { flow: "d0".into() };
    assert!(talk.events.contains(&ended), "{:?}", talk.events);
    for at in 1..=8 {
        let answer = format!("answer {at}");
        let said = talk.say(&answer, "", &[]);
        assert_eq!(said[0], answer);
        assert_eq!(said.len(), if at < 8 { 2 } else { 1 }, "{said:?}");
    }
    assert_eq!(talk.state.view().flow, None);
    assert_eq!(talk.slot("x"), None);
}
