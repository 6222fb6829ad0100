//! What the tests of this service share.

use stoa_contracts::training_data::{
    EntityAnnotation, Example, Lookup, RegexPattern, Synonym, TrainingData,
};

/// A small assistant of an energy supplier: four intents, what is out of scope, and entities.
pub(crate) fn energy_supplier() -> TrainingData {
    let mut examples = Vec::new();
    for reading in ["48213", "1200", "77", "90311", "5120", "333"] {
        examples.push(annotated(
            "my meter shows ",
            reading,
            "",
            "report_reading",
            "reading",
        ));
        examples.push(annotated(
            "the reading is ",
            reading,
            " today",
            "report_reading",
            "reading",
        ));
        examples.push(annotated(
            "",
            reading,
            " is on the counter",
            "report_reading",
            "reading",
        ));
    }
    for city in ["Berlin", "Paris", "Prague", "Vienna", "Rome", "Oslo"] {
        examples.push(annotated(
            "I am moving to ",
            city,
            " next month",
            "move_house",
            "city",
        ));
        examples.push(annotated(
            "we move house to ",
            city,
            "",
            "move_house",
            "city",
        ));
        examples.push(annotated(
            "my new address is in ",
            city,
            "",
            "move_house",
            "city",
        ));
    }
    for ask in [
        "how much is",
        "what does",
        "tell me the price of",
        "is it cheap,",
        "compare",
    ] {
        examples.push(plain(&format!("{ask} the tariff cost"), Some("ask_tariff")));
        examples.push(plain(
            &format!("{ask} your green energy"),
            Some("ask_tariff"),
        ));
        examples.push(plain(&format!("{ask} a kilowatt hour"), Some("ask_tariff")));
    }
    for bye in [
        "bye",
        "goodbye",
        "see you",
        "thanks, bye",
        "that was all",
        "have a nice day",
    ] {
        examples.push(plain(bye, Some("goodbye")));
        examples.push(plain(&format!("ok {bye}"), Some("goodbye")));
    }
    for other in [
        "who won the match",
        "play some jazz",
        "write me a poem",
        "is it raining",
    ] {
        examples.push(plain(other, None));
        examples.push(plain(&format!("{other} please"), None));
    }
    TrainingData {
        examples,
        synonyms: vec![synonym("Sunrise", &["the morning one"])],
        lookups: vec![lookup("tariff", &["Sunrise", "Sunset Plus"])],
        regexes: vec![pattern("contract", r"\bC-\d{4}\b")],
        ..TrainingData::default()
    }
}

fn plain(text: &str, intent: Option<&str>) -> Example {
    Example {
        text: text.into(),
        intent: intent.map(Into::into),
        ..Example::default()
    }
}

/// An example with one annotated value.
pub(crate) fn annotated(
    before: &str,
    value: &str,
    after: &str,
    intent: &str,
    entity: &str,
) -> Example {
    let start = before.chars().count();
    let end = start + value.chars().count();
    let annotation = EntityAnnotation {
        start,
        end,
        entity: entity.into(),
        role: None,
        group: None,
        value: None,
    };
    let entities = vec![annotation];
    Example {
        entities,
        ..plain(&format!("{before}{value}{after}"), Some(intent))
    }
}

fn synonym(value: &str, variants: &[&str]) -> Synonym {
    Synonym {
        value: value.into(),
        variants: strings(variants),
    }
}

fn lookup(entity: &str, values: &[&str]) -> Lookup {
    Lookup {
        entity: entity.into(),
        values: strings(values),
    }
}

fn pattern(entity: &str, pattern: &str) -> RegexPattern {
    RegexPattern {
        entity: entity.into(),
        pattern: pattern.into(),
    }
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
