//! The engine through its front door: data in, model out, utterances understood.

mod artefacts;
mod builtin;
mod cpu;
mod encoder;
mod evaluation;
mod languages;
#[path = "../support/mod.rs"]
mod support;

use cpu::Cpu;
use jiff::Zoned;
use ml::engine::{ArtefactError, Model, Options, Progress, TrainError, Trained, train};
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::time::Duration;
use stoa_contracts::parse::{Entity, ParseResult};
use stoa_contracts::training_data::{
    EntityAnnotation, Example, Lookup, RegexPattern, TrainingData,
};
use support::{annotated, energy_supplier};

static TRAINED: LazyLock<Trained> = LazyLock::new(|| {
    train(&energy_supplier(), &Options::default(), &Progress::new()).expect("the data is sound")
});

fn parse(text: &str) -> ParseResult {
    TRAINED.model.parse(text, 7, &Zoned::default())
}

fn intent(text: &str) -> Option<String> {
    parse(text).intent.name
}

fn entity(text: &str, name: &str) -> Entity {
    let result = parse(text);
    let entity = result.entities.iter().find(|entity| entity.entity == name);
    entity
        .unwrap_or_else(|| panic!("no {name} in {result:?}"))
        .clone()
}

fn refusal(data: &TrainingData) -> TrainError {
    train(data, &Options::default(), &Progress::new()).expect_err("this data cannot be learned")
}

#[test]
fn understands_what_is_not_in_the_examples() {
    assert_eq!(
        intent("our meter reading shows 5500").as_deref(),
        Some("report_reading")
    );
    assert_eq!(
        intent("what does green energy cost").as_deref(),
        Some("ask_tariff")
    );
    assert_eq!(intent("thank you and goodbye").as_deref(), Some("goodbye"));
}

#[test]
fn tolerates_typos_case_and_accents() {
    assert_eq!(
        intent("MY METTER SHOWS 5500").as_deref(),
        Some("report_reading")
    );
    assert_eq!(
        intent("wé arë moving to Rome").as_deref(),
        Some("move_house")
    );
}

#[test]
fn what_is_out_of_scope_has_no_intent_and_still_a_ranking() {
    let result = parse("who won the football match");
    assert_eq!(result.intent.name, None, "{result:?}");
    assert_eq!(result.intent_ranking.len(), 4);
    assert_eq!(intent("quidquid latine dictum sit"), None);
}

#[test]
fn confidences_are_probabilities_in_falling_order() {
    let result = parse("my meter shows 12");
    let (intent, top) = (
        result.intent.confidence,
        result.intent_ranking[0].confidence,
    );
    assert!((intent - top).abs() < f64::EPSILON);
    assert!(
        result
            .intent_ranking
            .is_sorted_by(|a, b| a.confidence >= b.confidence)
    );
    assert!(
        result
            .intent_ranking
            .iter()
            .all(|rank| (0.0..=1.0).contains(&rank.confidence))
    );
}

#[test]
fn finds_learned_entities_in_new_words() {
    let reading = entity("my meter shows 61007", "reading");
    assert_eq!(
        (reading.start, reading.end, reading.extractor.as_str()),
        (15, 20, "model")
    );
    assert!(reading.confidence > 0.5);
    let city = entity("I am moving to Lisbon next month", "city");
    assert_eq!(city.value, "Lisbon");
}

#[test]
fn a_word_far_before_a_value_tells_what_it_is() {
    let kinds = [("arriving", "arrival"), ("leaving", "departure")];
    let asked = |verb: &str, city: &str| format!("show flights {verb} at {city} in the ");
    let mut examples = Vec::new();
    for (verb, kind) in kinds {
        for city in ["Rome", "Oslo", "Vienna", "Lisbon"] {
            for part in ["morning", "evening", "afternoon"] {
                let before = asked(verb, city);
                examples.push(annotated(&before, part, "", "find_flight", kind));
            }
        }
    }
    examples.extend(energy_supplier().examples);
    let data = TrainingData {
        examples,
        ..TrainingData::default()
    };
    let trained = train(&data, &Options::default(), &Progress::new()).unwrap();
    for (verb, kind) in kinds {
        let text = format!("{}evening", asked(verb, "Madrid"));
        let result = trained.model.parse(&text, 1, &Zoned::default());
        let found = result.entities.iter().find(|one| one.value == "evening");
        assert_eq!(found.map(|one| one.entity.as_str()), Some(kind), "{text}");
    }
}

#[test]
fn finds_listed_matched_and_built_in_entities() {
    let tariff = entity("what does the MORNING one cost", "tariff");
    assert_eq!(
        (tariff.value, tariff.extractor.as_str()),
        ("Sunrise".into(), "lookup")
    );
    let contract = entity("🦀 compare c-4711", "contract");
    assert_eq!(
        (contract.start, contract.end, contract.extractor.as_str()),
        (10, 16, "regex")
    );
    let email = entity("compare, and write to ann@example.org", "email");
    assert_eq!(
        (email.value, email.extractor.as_str()),
        ("ann@example.org".into(), "builtin")
    );
}

#[test]
fn a_value_of_two_lists_is_of_the_one_whose_entity_was_taught_to_stand_there() {
    let cities = ["Paris", "Rome", "Oslo", "Vienna"];
    let annotation = |entity: &str, start: usize, city: &str| EntityAnnotation {
        start,
        end: start + city.len(),
        entity: entity.into(),
        role: None,
        group: None,
        value: None,
    };
    let travel = |from: &str, to: &str| Example {
        text: format!("from {from} to {to}"),
        intent: Some("travel".into()),
        entities: vec![
            annotation("origin", 5, from),
            annotation("destination", 9 + from.len(), to),
        ],
        ..Example::default()
    };
    let mut data = energy_supplier();
    let pairs = cities.iter().flat_map(|from| cities.map(|to| (*from, to)));
    let pairs = pairs.filter(|(from, to)| from != to);
    data.examples
        .extend(pairs.map(|(from, to)| travel(from, to)));
    data.lookups = ["origin", "destination"]
        .map(|entity| Lookup {
            entity: entity.into(),
            values: cities.map(Into::into).into(),
        })
        .into();
    let trained = train(&data, &Options::default(), &Progress::new()).unwrap();
    let model = Model::from_artefact(&trained.model.to_artefact(), None).unwrap();
    let found = model.parse("from PARIS to rome", 1, &Zoned::default());
    let found: Vec<_> = found
        .entities
        .iter()
        .map(|e| (e.entity.as_str(), &e.value))
        .collect();
    assert_eq!(
        found,
        [("origin", &"Paris".into()), ("destination", &"Rome".into())]
    );
}

#[test]
fn tells_what_it_learned() {
    assert_eq!((TRAINED.intents, TRAINED.entities), (4, 4));
    let accuracy = TRAINED.accuracy.expect("there is enough to hold out");
    assert!(accuracy > 0.8, "held-out accuracy is {accuracy}");
}

#[test]
fn hostile_utterances_are_answered_in_bounded_time() {
    let emoji = "🦀🎉👩‍👩‍👧".repeat(1_000);
    let hundred_kilobytes = "lorem 1,2,3 ".repeat(8_500);
    let one_word = "x".repeat(100_000);
    let controls: String = ('\u{0}'..' ').collect();
    let marks = "\u{301}".repeat(5_000);
    for text in ["", " ", "🦀🎉", &marks] {
        assert_eq!(intent(text), None);
    }
    for text in [
        "",
        " ",
        &emoji,
        &hundred_kilobytes,
        &one_word,
        &controls,
        &marks,
        "\u{202e}abc",
    ] {
        let started = Cpu::start();
        let result = parse(text);
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{} bytes took long",
            text.len()
        );
        let length = text.chars().count();
        assert!(
            result
                .entities
                .iter()
                .all(|e| e.start < e.end && e.end <= length)
        );
    }
}

#[test]
fn the_same_data_and_seed_give_the_same_model_on_any_number_of_threads() {
    let options = Options {
        threads: NonZeroUsize::MIN,
        ..Options::default()
    };
    let again = train(&energy_supplier(), &options, &Progress::new()).unwrap();
    let same = again.model.to_artefact() == TRAINED.model.to_artefact();
    assert!(same, "two trainings with one seed gave two models");
    let other = Options {
        seed: 2,
        ..Options::default()
    };
    let other = train(&energy_supplier(), &other, &Progress::new()).unwrap();
    let same = other.model.to_artefact() == TRAINED.model.to_artefact();
    assert!(!same, "two seeds gave one model");
}

#[test]
fn a_model_survives_storage() {
    let artefact = TRAINED.model.to_artefact();
    let stored = Model::from_artefact(&artefact, None).unwrap();
    let text = "my meter shows 61007, C-4711";
    assert_eq!(stored.parse(text, 7, &Zoned::default()), parse(text));
}

#[test]
fn a_damaged_artefact_is_refused_wherever_it_is_damaged() {
    let artefact = TRAINED.model.to_artefact();
    for place in (0..artefact.len()).step_by(artefact.len() / 200 + 1) {
        let mut damaged = artefact.clone();
        damaged[place] ^= 0x40;
        assert!(
            Model::from_artefact(&damaged, None).is_err(),
            "a flipped bit at {place} went through"
        );
        assert!(
            Model::from_artefact(&artefact[..place], None).is_err(),
            "{place} bytes went through"
        );
    }
    assert!(matches!(
        Model::from_artefact(b"pickle", None),
        Err(ArtefactError::NotAModel)
    ));
}

#[test]
fn data_that_cannot_be_learned_is_refused_with_what_to_do() {
    let mut data = energy_supplier();
    data.examples
        .retain(|example| example.intent.as_deref() == Some("goodbye"));
    assert!(matches!(refusal(&data), TrainError::OneIntent));
    data.examples
        .iter_mut()
        .for_each(|example| example.intent = None);
    assert!(matches!(refusal(&data), TrainError::NoIntent));
    assert!(matches!(
        refusal(&TrainingData::default()),
        TrainError::NoExamples
    ));
    let regexes = vec![RegexPattern {
        entity: "meter".into(),
        pattern: "[".into(),
    }];
    let refusal = refusal(&TrainingData {
        regexes,
        ..energy_supplier()
    });
    assert!(refusal.to_string().contains("`[`"), "{refusal}");
}

#[test]
fn values_written_where_the_names_of_entities_belong_are_refused_before_they_take_memory() {
    let mut data = energy_supplier();
    let example = |number: usize| Example {
        text: format!("my meter is x{number}"),
        intent: Some("report_reading".into()),
        entities: vec![EntityAnnotation {
            start: 12,
            end: 13 + number.to_string().len(),
            entity: format!("e{number}"),
            role: None,
            group: None,
            value: None,
        }],
        metadata: None,
    };
    data.examples.extend((0..5_000).map(example));
    let error = refusal(&data);
    assert!(matches!(error, TrainError::ManyEntities(250)), "{error}");
}

#[test]
fn wrong_annotations_do_no_harm() {
    let mut data = energy_supplier();
    for (index, example) in data.examples.iter_mut().enumerate() {
        for annotation in &mut example.entities {
            annotation.end = annotation.start + index * 7;
            annotation.start = annotation.end.saturating_sub(index);
        }
    }
    train(&data, &Options::default(), &Progress::new()).unwrap();
}

#[test]
fn a_cancelled_training_stops_without_a_model() {
    let progress = Progress::new();
    progress.cancel();
    let stopped = train(&energy_supplier(), &Options::default(), &progress);
    assert!(matches!(stopped, Err(TrainError::Cancelled(_))));
}

#[test]
fn progress_ends_at_all() {
    let progress = Progress::new();
    train(&energy_supplier(), &Options::default(), &progress).unwrap();
    assert!((progress.fraction() - 1.0).abs() < 1e-9);
}
