//! The flow document: what it accepts, and what it says about mistakes.

use std::collections::BTreeSet;
use stoa_contracts::flows::{Comparison, Flows, Scalar, Step, Test, placeholders};

const DOCUMENT: &str = r#"
settings: {start: welcome, fallback: {flow: rephrase, escalate_after: 2}}
responses:
  hello:
    - Hello!
    - text: Hi, what can I do?
      buttons:
        - {title: Meter reading, payload: '/report_meter_reading{"meter":"12"}'}
  ask_reading: What does your meter show?
  noted: "{meter_reading} kWh noted, reference {reference}, {not a placeholder}."
  sorry: Sorry?
slots:
  meter_reading: {type: number, question: ask_reading, min: 0, fill: {entities: [meter]}}
  sure:
    type: boolean
    question: sorry
    fill: {intents: {affirm: true, deny: false}}
flows:
  welcome: {steps: [say: hello]}
  rephrase: {steps: [say: sorry, end]}
  report:
    triggers: [report_meter_reading]
    steps:
      - ask: meter_reading
      - ask: {slot: sure, again: true}
      - branch:
          cases:
            - when: {sure: true, meter_reading: {above: 99999}}
              then: [handover: sorry]
            - when: {sure: [false]}
              then: [set: {meter_reading: null}, stop]
          otherwise:
            - say: noted
"#;

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(ToString::to_string).collect()
}

fn problems(document: &str) -> Vec<(String, String)> {
    let flows: Flows = serde_saphyr::from_str(document).expect("the document is YAML");
    flows
        .check(&names(&["affirm", "deny"]), &names(&["meter"]))
        .into_iter()
        .map(|problem| (problem.pointer, problem.message))
        .collect()
}

#[test]
fn a_document_with_every_form_is_accepted_and_survives_json() {
    let flows: Flows = serde_saphyr::from_str(DOCUMENT).unwrap();
    let intents = names(&["report_meter_reading", "affirm", "deny"]);
    assert_eq!(flows.check(&intents, &names(&["meter"])), []);
    assert_eq!(flows.responses["hello"].0.len(), 2);
    let json = serde_json::to_string(&flows).unwrap();
    assert_eq!(serde_json::from_str::<Flows>(&json).unwrap(), flows);
}

#[test]
fn steps_read_in_their_short_forms() {
    let flows: Flows = serde_saphyr::from_str(DOCUMENT).unwrap();
    let steps = &flows.flows["report"].steps;
    assert!(matches!(&steps[0], Step::Ask(ask) if ask.slot == "meter_reading" && !ask.again));
    assert!(matches!(&steps[1], Step::Ask(ask) if ask.again));
    let Step::Branch(branch) = &steps[2] else {
        panic!("a branch")
    };
    assert_eq!(
        branch.cases[0].when["sure"],
        Test::Is(Scalar::Boolean(true))
    );
    assert_eq!(
        branch.cases[0].when["meter_reading"],
        Test::Compare(Comparison {
            above: Some(99999.0),
            ..Comparison::default()
        })
    );
    assert_eq!(branch.cases[1].then.last(), Some(&Step::Stop));
}

#[test]
fn without_training_data_every_intent_and_entity_is_accepted() {
    let flows: Flows = serde_saphyr::from_str(DOCUMENT).unwrap();
    assert_eq!(flows.check(&BTreeSet::new(), &BTreeSet::new()), []);
}

#[test]
fn a_name_that_leads_nowhere_is_reported_where_it_stands() {
    let found = problems(
        "settings: {start: welcom}
responses: {hello: 'Hello {nam}'}
slots: {city: {type: text, question: where, fill: {entities: [town]}}}
flows:
  welcome:
    triggers: [greet]
    steps: [say: hallo, ask: cty, call: other, {branch: {cases: [{when: {x: 1}, then: []}]}}]
",
    );
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/settings/start",
            "/responses/hello/0",
            "/slots/city/question",
            "/slots/city/fill/entities/0",
            "/flows/welcome/triggers/0",
            "/flows/welcome/steps/0/say",
            "/flows/welcome/steps/1/ask",
            "/flows/welcome/steps/2/call",
            "/flows/welcome/steps/3/branch/cases/0/when/x",
        ]
    );
}

#[test]
fn built_in_entities_are_known_whatever_the_training_data_has() {
    let document = |entity: &str| {
        format!(
            "responses: {{when: {{text: When?, buttons: [{{title: Now, payload: '/affirm{{\"{entity}\": \"now\"}}'}}]}}}}
slots: {{time: {{type: text, question: when, fill: {{entities: [{entity}]}}}}}}
flows: {{ask: {{steps: [ask: time]}}}}"
        )
    };
    for entity in ["datetime", "duration", "money", "number", "url"] {
        assert_eq!(problems(&document(entity)), []);
    }
    assert_eq!(problems(&document("date")).len(), 2);
}

#[test]
fn a_button_that_looks_like_a_path_needs_a_flow() {
    let document = |trigger: &str| {
        format!(
            "responses: {{q: {{text: What?, buttons: [{{title: More, payload: /faq/ask}}]}}}}
flows: {{more: {{triggers: [{trigger}], steps: [say: q]}}}}"
        )
    };
    let flows = |trigger| serde_saphyr::from_str::<Flows>(&document(trigger)).unwrap();
    let check = |trigger| flows(trigger).check(&names(&["faq/ask", "faq"]), &BTreeSet::new());
    assert_eq!(check("faq/ask"), []);
    let problems = check("faq");
    assert_eq!(problems[0].pointer, "/responses/q/0/buttons/0/payload");
    assert!(
        problems[0].message.contains("starts no flow"),
        "{problems:?}"
    );
}

#[test]
fn a_choice_among_flows_needs_words_and_two_titles() {
    let document = |titles: &str| {
        format!(
            "settings: {{disambiguation: which}}
responses: {{which: 'Which one?'}}
flows: {{pay: {{title: Pay, steps: [say: which]}}, move: {{{titles} steps: [say: which]}}}}"
        )
    };
    assert_eq!(problems(&document("title: Move,")), []);
    assert_eq!(problems(&document(""))[0].0, "/settings/disambiguation");
    let unknown = document("title: Move,").replace("{which: 'Which", "{other: 'Which");
    assert_eq!(problems(&unknown)[0].0, "/settings/disambiguation");
}

#[test]
fn a_value_that_does_not_fit_its_slot_is_reported() {
    let found = problems(
        "responses: {q: What?}
slots:
  level: {type: choice, choices: {low: [], high: []}, question: q}
  count: {type: number, min: 5, max: 1, question: q}
  code: {type: text, pattern: '[', question: q}
flows:
  f: {steps: [set: {level: middle, count: many}, ask: code]}
",
    );
    let text = format!("{found:?}");
    assert_eq!(found.len(), 5, "{text}");
    for part in [
        "`min` is greater",
        "regular expression",
        "one of its choices",
        "use a number",
        "nothing fills the slot `code`",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn flows_that_call_each_other_in_a_circle_are_refused() {
    let found = problems("flows: {a: {steps: [call: b]}, b: {steps: [call: a]}}");
    assert_eq!(found.len(), 2);
    assert!(found[0].1.contains("calls itself"));
}

#[test]
fn an_intent_starts_one_flow_only() {
    let found = problems(
        "responses: {x: X}
flows: {a: {triggers: [affirm], steps: [say: x]}, b: {triggers: [affirm], steps: [say: x]}}",
    );
    assert_eq!(
        found,
        [(
            "/flows/b/triggers/0".into(),
            "`affirm` starts the flow `a` already".into()
        )]
    );
}

#[test]
fn an_unknown_step_is_a_parse_error_with_its_line() {
    let error = serde_saphyr::from_str::<Flows>("flows:\n  a:\n    steps:\n      - shout: x\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("shout") && error.contains('4'), "{error}");
}

#[test]
fn a_misspelt_key_is_a_parse_error() {
    for document in [
        "slots: {a: {type: text, questoin: x}}",
        "flows: {a: {steps: [{ask: {slot: a, agin: true}}]}}",
        "flows: {a: {steps: [{branch: {cases: [{when: {x: {abov: 1}}, then: []}]}}]}}",
    ] {
        assert!(
            serde_saphyr::from_str::<Flows>(document).is_err(),
            "{document}"
        );
    }
}

#[test]
fn only_names_in_braces_are_placeholders() {
    let names = |text| -> Vec<String> {
        placeholders(text)
            .filter_map(|(_, name)| name.map(str::to_owned))
            .collect()
    };
    assert_eq!(names("{a} and {b_c}{d}"), ["a", "b_c", "d"]);
    assert_eq!(names("{} { a } {a b} {{x}} {open"), ["x"]);
}

#[test]
fn choices_that_nobody_can_tell_apart_are_refused() {
    let check = |choices: &str| {
        problems(&format!(
            "responses: {{q: Which?}}\nslots: {{c: {{type: choice, question: q, choices: {choices}}}}}"
        ))
    };
    for choices in [
        "{yes: [], no: [nope, 'Yes ']}",
        "{big: [large], great: [Large]}",
    ] {
        let found = check(choices);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0.starts_with("/slots/c/choices/"), "{found:?}");
        assert!(found[0].1.contains("cannot be told"), "{found:?}");
    }
    for choices in [
        "{yes: [Yes, yes], no: []}",
        "{C: [], C++: []}",
        "{👍: [], 👎: []}",
    ] {
        assert_eq!(check(choices), [], "{choices}");
    }
}

#[test]
fn only_numbers_are_above_and_below() {
    let check = |kind: &str| {
        problems(&format!(
            "responses: {{q: What?}}
slots: {{s: {{{kind}, question: q}}}}
flows: {{f: {{steps: [{{branch: {{cases: [{{when: {{s: {{above: 1, below: 3}}}}, then: []}}]}}}}]}}}}"
        ))
    };
    assert_eq!(check("type: number"), []);
    for kind in [
        "type: any",
        "type: text",
        "type: boolean",
        "type: choice, choices: {one: []}",
    ] {
        let found = check(kind);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "/flows/f/steps/0/branch/cases/0/when/s");
        assert!(found[0].1.contains("type: number"), "{found:?}");
    }
}

#[test]
fn what_a_slot_of_any_kind_holds_is_compared_by_its_text() {
    let test = |test: &str| serde_saphyr::from_str::<Test>(test).unwrap();
    let said = Scalar::Text("3".into());
    for holds in ["3", "'3'", "[2, 3]", "{is_not: 4}"] {
        assert!(test(holds).holds(Some(&said)), "{holds}");
    }
    for fails in ["4", "[1, 2]", "{is_not: 3}", "{above: 2}", "{below: 4}"] {
        assert!(!test(fails).holds(Some(&said)), "{fails}");
    }
    assert!(test("true").holds(Some(&Scalar::Text("true".into()))));
}

#[test]
fn flows_that_call_each_other_too_deep_are_refused() {
    let chain = |depth: usize| {
        let calls = (1..depth).map(|at| format!("  f{at}: {{steps: [call: f{}]}}\n", at + 1));
        let calls: String = calls.collect();
        problems(&format!(
            "responses: {{hello: Hello}}\nflows:\n{calls}  f{depth}: {{steps: [say: hello]}}\n"
        ))
    };
    assert_eq!(chain(8), []);
    let found = chain(9);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "/flows/f1");
    assert!(found[0].1.contains("9 deep"), "{found:?}");
}
