//! A conversation with the engine, without the service around it.

use conversation::engine::{Input, Program, State, Utterance, step};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;
use stoa_contracts::conversations::{EventKind, Message};
use stoa_contracts::flows::Flows;
use stoa_contracts::parse::Entity;
use time::OffsetDateTime;

/// Flows with a bit of everything.
pub(crate) const FLOWS: &str = r#"
settings:
  start: welcome
  resume: back
  give_up: person
  session_minutes: 30
  session_expired: long_ago
  disambiguation: which_flow
  fallback: {flow: rephrase, escalate_after: 3, escalate: person}
responses:
  hello: Hello!
  back: Back to where we were.
  long_ago: It has been a while.
  sorry: Sorry?
  ask_number: Your contract number?
  ask_reading: What does the meter show?
  odd: That cannot be right.
  ask_sure: "{reading} kWh on {number}, right?"
  noted: "Noted: {reading}."
  dropped: Dropped.
  hours: Open from 8 to 18.
  which_flow: {text: "What do you mean?", buttons: [{title: Something else, payload: /never_mind}]}
  which: Which tariff?
  price: "{tariff} costs 30 cents."
  colleague: A colleague takes over ({reference}).
slots:
  number: {type: text, pattern: '\d{6}', question: ask_number, keep: true, fill: {entities: [number], text: true}}
  reading: {type: number, min: 0, max: 999999, question: ask_reading, invalid: odd, fill: {entities: [reading]}}
  sure: {type: boolean, question: ask_sure, attempts: 2, fill: {intents: {affirm: true, deny: false}}}
  sum: {type: number, question: sorry, fill: {entities: [money, duration]}}
  when: {type: text, question: sorry, fill: {entities: [datetime, duration]}}
  price: {type: any, question: sorry, fill: {entities: [money]}}
  tariff: {type: choice, question: which, choices: {green: [eco], basic: []}, fill: {entities: [tariff]}}
flows:
  welcome: {steps: [say: hello]}
  rephrase: {steps: [say: sorry]}
  person: {triggers: [human], steps: [handover: colleague]}
  well_then: {triggers: [affirm], interrupts: false, steps: [say: hello]}
  hours: {triggers: [hours], steps: [say: hours]}
  identify: {steps: [ask: number]}
  pay: {triggers: [pay], steps: [ask: sum, ask: when, ask: price]}
  price: {title: Prices, triggers: [price, cost], steps: [ask: tariff, say: price]}
  switch: {title: Switch tariffs, triggers: [switch], steps: [ask: tariff, ask: sure, say: noted]}
  never_mind: {triggers: [never_mind], steps: [say: dropped, stop]}
  report:
    triggers: [report]
    steps:
      - call: identify
      - ask: reading
      - ask: sure
      - branch:
          cases: [{when: {sure: true}, then: [say: noted]}]
          otherwise: [{set: {reading: null, sure: null}}, {ask: reading}, {say: noted}]
"#;

/// The flows of the demo assistant.
pub(crate) const DEMO: &str = include_str!("../../../../ci/stoa/demo/flows.yml");

/// A conversation with the engine.
pub(crate) struct Talk {
    pub(crate) program: Program,
    pub(crate) state: State,
    pub(crate) now: OffsetDateTime,
    rng: StdRng,
    /// What happened in the last turn.
    pub(crate) events: Vec<EventKind>,
    /// What the next utterance may mean as well.
    alternatives: Vec<&'static str>,
}

impl Talk {
    /// Begins one with the flows above.
    pub(crate) fn start() -> Self {
        Self::with(FLOWS)
    }

    /// Begins one with other flows.
    pub(crate) fn with(flows: &str) -> Self {
        let flows: Flows = serde_saphyr::from_str(flows).expect("the flows are YAML");
        let problems = flows.check(&BTreeSet::new(), &BTreeSet::new());
        assert_eq!(problems, []);
        let mut rng = StdRng::seed_from_u64(1);
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut talk = Self {
            program: Program::compile(1, flows),
            state: State::new(now, &mut rng),
            now,
            rng,
            events: Vec::new(),
            alternatives: Vec::new(),
        };
        talk.turn(Input::Begin);
        talk
    }

    /// Somebody saves other flows meanwhile.
    pub(crate) fn save(&mut self, flows: &str) {
        let flows = serde_saphyr::from_str(flows).expect("the flows are YAML");
        self.program = Program::compile(self.program.version + 1, flows);
    }

    /// Makes a turn; gives what the assistant says.
    pub(crate) fn turn(&mut self, input: Input) -> Vec<String> {
        let state = self.state.clone();
        let (state, events) = step(&self.program, state, input, self.now, &mut self.rng);
        self.state = state;
        self.events = events;
        self.events
            .iter()
            .filter_map(|event| match event {
                EventKind::Assistant { message } => Some(match message {
                    Message::Text { text }
                    | Message::Buttons { text, .. }
                    | Message::Handover { text } => text.clone(),
                }),
                _ => None,
            })
            .collect()
    }

    /// Says something with an intent (or out of scope with `""`) and entities.
    pub(crate) fn say(
        &mut self,
        text: &str,
        intent: &str,
        entities: &[(&str, &str)],
    ) -> Vec<String> {
        let entity = |(name, value): &(&str, &str)| {
            let byte = text.find(value).expect("the value stands in the text");
            let start = text[..byte].chars().count();
            Entity {
                entity: (*name).into(),
                start,
                end: start + value.chars().count(),
                value: (*value).into(),
                confidence: 0.9,
                extractor: "model".into(),
                role: None,
                group: None,
            }
        };
        self.turn(Input::Said(Utterance {
            text: text.into(),
            intent: (!intent.is_empty()).then(|| (intent.into(), 0.9)),
            entities: entities.iter().map(entity).collect(),
            alternatives: self.alternatives.iter().map(ToString::to_string).collect(),
        }))
    }

    /// The same, where it may mean other things.
    pub(crate) fn say_unclearly(
        &mut self,
        text: &str,
        alternatives: &[&'static str],
        entities: &[(&str, &str)],
    ) -> Vec<String> {
        self.alternatives = alternatives.to_vec();
        let said = self.say(text, alternatives[0], entities);
        self.alternatives.clear();
        said
    }

    /// The buttons under what was said last.
    pub(crate) fn buttons(&self) -> Vec<(&str, &str)> {
        let buttons = self.events.iter().rev().find_map(|event| match event {
            EventKind::Assistant {
                message: Message::Buttons { buttons, .. },
            } => Some(buttons),
            _ => None,
        });
        let buttons = buttons.map(Vec::as_slice).unwrap_or_default();
        buttons
            .iter()
            .map(|button| (button.title.as_str(), button.payload.as_str()))
            .collect()
    }

    /// Presses a button.
    pub(crate) fn press(&mut self, payload: &str) -> Vec<String> {
        let said = Utterance::from_payload(payload).expect("it is a payload");
        self.turn(Input::Said(said))
    }

    /// The value of a slot, as clients see it.
    pub(crate) fn slot(&self, name: &str) -> Option<serde_json::Value> {
        self.state.view().slots.get(name).cloned()
    }
}
