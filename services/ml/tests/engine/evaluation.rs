//! Measuring, through the engine's front door.

use ml::engine::{EvaluateError, Options, Progress, TrainError, assess, cross_validate, train};
use std::num::NonZeroUsize;
use stoa_contracts::evaluations::EvaluationResult;
use stoa_contracts::training_data::{EntityAnnotation, Example, TrainingData};
use stoa_contracts::understanding::{BuiltinEntity, Understanding};

use crate::support::energy_supplier;

fn measure(data: &TrainingData, folds: usize, options: &Options) -> EvaluationResult {
    let settings = (options, &Understanding::default());
    cross_validate(data, folds, settings, &Progress::new()).expect("the data is sound")
}

fn on_threads(threads: usize) -> Options {
    Options {
        threads: NonZeroUsize::new(threads).expect("there is one at least"),
        ..Options::default()
    }
}

#[test]
fn every_example_is_asked_once_by_a_model_that_has_not_seen_it() {
    let data = energy_supplier();
    let result = measure(&data, 5, &Options::default());
    let summary = result.summary;
    assert_eq!(
        (summary.examples, summary.left_out),
        (data.examples.len(), 0)
    );
    assert!(summary.accuracy > 0.8, "{summary:?}");
    assert!(
        summary.macro_f1 > 0.7 && summary.weighted_f1 > 0.8,
        "{summary:?}"
    );
    let support: usize = result.intents.iter().map(|intent| intent.support).sum();
    let cells: usize = result.confusion.iter().map(|cell| cell.count).sum();
    assert_eq!((support, cells), (data.examples.len(), data.examples.len()));
    assert_eq!(result.wrong.len(), summary.mistakes);
    assert!(result.intents.iter().any(|intent| intent.intent.is_none()));
}

#[test]
fn annotated_entities_are_measured_and_others_are_not() {
    let result = measure(&energy_supplier(), 5, &Options::default());
    let names: Vec<&str> = result.entities.iter().map(|e| e.entity.as_str()).collect();
    assert_eq!(names, ["city", "reading"]);
    assert!(
        result
            .entities
            .iter()
            .all(|entity| entity.support == 18 && entity.f1 > 0.5)
    );
    let of_each = result.entities.iter().map(|entity| entity.f1);
    let (least, most) = of_each.fold((1.0, 0.0), |(a, b): (f64, f64), f1| (a.min(f1), b.max(f1)));
    let of_all = result.summary.entity_f1.expect("some are annotated");
    assert!((least..=most).contains(&of_all), "{of_all}");
}

#[test]
fn examples_with_the_label_of_another_intent_are_suspect() {
    let mut data = energy_supplier();
    let mut moved = Vec::new();
    // One label in fifteen is that of another example.
    for index in (7..data.examples.len()).step_by(15) {
        let other = data.examples[index - 7].intent.clone();
        if other.is_some() && other != data.examples[index].intent {
            data.examples[index].intent = other;
            moved.push(data.examples[index].text.clone());
        }
    }
    let result = measure(&data, 5, &Options::default());
    let suspects = result.wrong.iter().filter(|wrong| wrong.suspect);
    let suspects: Vec<&str> = suspects.map(|wrong| wrong.text.as_str()).collect();
    let found = moved
        .iter()
        .filter(|text| suspects.contains(&text.as_str()));
    let found = found.count();
    assert!(
        moved.len() >= 4 && found * 2 > moved.len(),
        "{found} of {moved:?}: {suspects:?}"
    );
    assert!(found * 2 > suspects.len(), "{found} of {suspects:?}");
    assert_eq!(result.summary.suspects, suspects.len());
}

#[test]
fn an_intent_that_cannot_be_told_apart_shows_in_the_matrix() {
    let mut data = energy_supplier();
    let mut twins: Vec<_> = data
        .examples
        .iter()
        .filter(|e| e.intent.as_deref() == Some("goodbye"))
        .cloned()
        .collect();
    for twin in &mut twins {
        twin.intent = Some("farewell".into());
    }
    data.examples.extend(twins);
    let result = measure(&data, 4, &Options::default());
    let confused = result.confusion.iter().any(|cell| {
        let pair = (cell.expected.as_deref(), cell.predicted.as_deref());
        matches!(
            pair,
            (Some("goodbye"), Some("farewell")) | (Some("farewell"), Some("goodbye"))
        )
    });
    assert!(confused, "{:?}", result.confusion);
}

#[test]
fn the_same_data_and_seed_give_the_same_result_on_any_number_of_threads() {
    let data = energy_supplier();
    let one = measure(&data, 3, &on_threads(1));
    assert_eq!(one, measure(&data, 3, &on_threads(1)));
    assert_eq!(one, measure(&data, 3, &on_threads(8)));
}

#[test]
fn the_only_example_of_an_intent_is_left_out() {
    let mut data = energy_supplier();
    data.examples[0].intent = Some("alone".into());
    let result = measure(&data, 2, &Options::default());
    assert_eq!(result.summary.left_out, 1);
    assert_eq!(result.summary.examples, data.examples.len() - 1);
}

#[test]
fn copies_of_an_utterance_flatter_neither_a_cross_validation_nor_a_training() {
    // Nothing tells the intent of a word but the word itself.
    let words = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india",
        "juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo",
        "sierra", "tango", "uniform", "victor", "whiskey", "zulu",
    ];
    let example = |(number, text): (usize, String)| Example {
        text,
        intent: Some(["left", "right"][number % 2].into()),
        ..Example::default()
    };
    let copies = words.iter().enumerate().flat_map(|(number, word)| {
        let copies = [(*word).to_owned(), word.to_uppercase(), format!(" {word} ")];
        copies.map(|copy| example((number, copy)))
    });
    let data = TrainingData {
        examples: copies.collect(),
        ..TrainingData::default()
    };
    let summary = measure(&data, 5, &Options::default()).summary;
    assert_eq!((summary.examples, summary.left_out), (72, 0));
    assert!(summary.accuracy < 0.8, "{summary:?}");
    let trained = train(&data, &Options::default(), &Progress::new()).unwrap();
    assert!(trained.accuracy.is_some_and(|accuracy| accuracy < 0.8));
}

#[test]
fn an_intent_whose_examples_are_copies_is_left_out() {
    let mut data = energy_supplier();
    let copies = ["Where are you?", "where are you ?"].map(|text| Example {
        text: text.into(),
        intent: Some("ask_place".into()),
        ..Example::default()
    });
    data.examples.extend(copies);
    let result = measure(&data, 5, &Options::default());
    assert_eq!(result.summary.left_out, 2);
}

#[test]
fn data_in_which_nothing_can_be_held_out_is_refused_with_what_to_do() {
    let mut data = energy_supplier();
    for (number, example) in data.examples.iter_mut().enumerate() {
        example.intent = Some(format!("intent {number}"));
    }
    let settings = (&Options::default(), &Understanding::default());
    let refused = cross_validate(&data, 5, settings, &Progress::new()).unwrap_err();
    assert!(matches!(refused, EvaluateError::NothingToAsk));
    let none = cross_validate(&TrainingData::default(), 5, settings, &Progress::new());
    assert!(none.unwrap_err().to_string().contains("no examples"));
}

#[test]
fn a_model_is_asked_a_set_of_any_size() {
    let data = energy_supplier();
    let model = train(&data, &Options::default(), &Progress::new())
        .unwrap()
        .model;
    let copies = (0..10).flat_map(|_| data.examples.clone());
    let mut examples: Vec<_> = copies.collect();
    examples[0].intent = Some("never_learned".into());
    let progress = Progress::new();
    let settings = (NonZeroUsize::new(2).unwrap(), &Understanding::default());
    let result = assess(&model, &examples, settings, &progress).unwrap();
    assert_eq!(result.summary.examples, examples.len());
    assert!(result.summary.accuracy > 0.9, "{:?}", result.summary);
    assert!((progress.fraction() - 1.0).abs() < 1e-9);
    let unknown = result
        .wrong
        .iter()
        .any(|wrong| wrong.expected.as_deref() == Some("never_learned"));
    assert!(unknown, "{:?}", result.wrong);
    let refused = assess(&model, &[], settings, &Progress::new()).unwrap_err();
    assert!(matches!(refused, EvaluateError::NoExamples));
}

#[test]
fn what_is_measured_is_what_the_settings_of_the_assistant_have_answered() {
    let data = energy_supplier();
    let model = train(&data, &Options::default(), &Progress::new())
        .unwrap()
        .model;
    let mut examples = data.examples.clone();
    examples.push(Example {
        text: "bye, write to ann@example.org".into(),
        intent: Some("goodbye".into()),
        entities: vec![EntityAnnotation {
            start: 14,
            end: 29,
            entity: "email".into(),
            role: None,
            group: None,
            value: None,
        }],
        ..Example::default()
    });
    let of = |understanding: &Understanding| {
        let settings = (NonZeroUsize::MIN, understanding);
        assess(&model, &examples, settings, &Progress::new()).unwrap()
    };
    let found = |result: &EvaluationResult| {
        let mut entities = result.entities.iter();
        let email = entities.find(|entity| entity.entity == "email");
        email.and_then(|email| email.recall)
    };
    let usual = of(&Understanding::default());
    assert!(usual.summary.accuracy > 0.9, "{:?}", usual.summary);
    assert_eq!(found(&usual), Some(1.0));
    let without = of(&Understanding {
        builtin_entities: Some(vec![BuiltinEntity::Number]),
        ..Understanding::default()
    });
    assert_eq!(
        (found(&without), &without.intents),
        (Some(0.0), &usual.intents)
    );
    let sure = of(&Understanding {
        min_confidence: Some(1.0),
        ..Understanding::default()
    });
    // All that is answered is "out of scope", which 8 of them are.
    let right = sure.summary.examples - sure.summary.mistakes;
    assert_eq!((right, &sure.entities), (8, &usual.entities));
}

#[test]
fn a_cross_validation_asks_with_the_settings_of_the_assistant() {
    let understanding = Understanding {
        min_confidence: Some(1.0),
        ..Understanding::default()
    };
    let settings = (&Options::default(), &understanding);
    let result = cross_validate(&energy_supplier(), 2, settings, &Progress::new()).unwrap();
    let predicted = result.confusion.iter().map(|cell| cell.predicted.as_ref());
    assert!(predicted.into_iter().all(|intent| intent.is_none()));
}

#[test]
fn a_cancelled_evaluation_stops_and_an_ended_one_has_done_all() {
    let progress = Progress::new();
    progress.cancel();
    let settings = (&Options::default(), &Understanding::default());
    let stopped = cross_validate(&energy_supplier(), 5, settings, &progress);
    assert!(matches!(
        stopped,
        Err(EvaluateError::Train(TrainError::Cancelled(_)))
    ));
    let progress = Progress::new();
    cross_validate(&energy_supplier(), 5, settings, &progress).unwrap();
    assert!((progress.fraction() - 1.0).abs() < 1e-9);
}
