//! Languages other than English: their letters, marks and endings, and how people really type them.

use super::Zoned;
use ml::engine::{Model, Options, Progress, train};
use stoa_contracts::training_data::{EntityAnnotation, Example, Lookup, TrainingData};

/// The examples of each intent, one on a line.
fn data(intents: &[(&str, &str)]) -> TrainingData {
    let examples = intents.iter().flat_map(|(intent, lines)| {
        let lines = lines.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(|line| example(intent, line))
    });
    TrainingData {
        examples: examples.collect(),
        ..TrainingData::default()
    }
}

/// An example in which `[text](entity/role)` is annotated.
fn example(intent: &str, line: &str) -> Example {
    let mut text = String::new();
    let mut entities = Vec::new();
    let mut rest = line;
    while let Some((before, marked)) = rest.split_once('[') {
        let (said, marked) = marked.split_once("](").expect("an annotation");
        let (entity, after) = marked.split_once(')').expect("an annotation");
        let (entity, role) = entity.split_once('/').unwrap_or((entity, ""));
        text.push_str(before);
        let start = text.chars().count();
        text.push_str(said);
        entities.push(EntityAnnotation {
            entity: entity.to_owned(),
            start,
            end: text.chars().count(),
            role: (!role.is_empty()).then(|| role.to_owned()),
            group: None,
            value: None,
        });
        rest = after;
    }
    text.push_str(rest);
    Example {
        text,
        intent: Some(intent.to_owned()),
        entities,
        ..Example::default()
    }
}

fn model(language: &str, data: &TrainingData) -> Model {
    let options = Options {
        language: language.to_owned(),
        ..Options::default()
    };
    train(data, &options, &Progress::new())
        .expect("the data is sound")
        .model
}

fn intent(model: &Model, text: &str) -> Option<String> {
    model.parse(text, 1, &Zoned::default()).intent.name
}

const GREEK: &[(&str, &str)] = &[
    (
        "κράτηση",
        "θέλω να κλείσω εισιτήριο από [Αθήνα](πόλη/από) για [Θεσσαλονίκη](πόλη/προς)
        ένα εισιτήριο από [Πάτρα](πόλη/από) για [Αθήνα](πόλη/προς) παρακαλώ
        κλείσε μου θέση από [Βόλο](πόλη/από) για [Λάρισα](πόλη/προς)
        να κλείσω δύο θέσεις από [Λάρισα](πόλη/από) για [Πάτρα](πόλη/προς)
        θα ήθελα εισιτήρια από [Θεσσαλονίκη](πόλη/από) για [Βόλο](πόλη/προς)
        μπορώ να κάνω κράτηση από [Καβάλα](πόλη/από) για [Αθήνα](πόλη/προς)",
    ),
    (
        "ακύρωση",
        "θέλω να ακυρώσω το εισιτήριό μου
        ακύρωση της κράτησης παρακαλώ
        ακύρωσε την κράτησή μου
        πώς ακυρώνω ένα εισιτήριο
        δεν θα ταξιδέψω τελικά, ακυρώστε το
        μπορώ να ακυρώσω τη θέση μου",
    ),
    (
        "ώρες",
        "τι ώρα φεύγει το τρένο
        πότε φτάνει το επόμενο δρομολόγιο
        ποιες ώρες έχει τρένα
        πότε είναι το τελευταίο τρένο
        τα δρομολόγια του Σαββάτου
        κάθε πότε περνάει",
    ),
    (
        "ευχαριστίες",
        "ευχαριστώ πολύ
        σας ευχαριστώ
        να είστε καλά
        χίλια ευχαριστώ
        ευχαριστούμε για τη βοήθεια
        ευχαριστώ, αντίο",
    ),
];

#[test]
fn greek_is_understood_with_and_without_accents_in_capitals_and_with_typos() {
    let model = model("el", &data(GREEK));
    for (text, expected) in [
        ("θέλω να ακυρώσω την κράτηση", "ακύρωση"),
        // Capitals have no accents, and no final sigma.
        ("ΘΕΛΩ ΝΑ ΑΚΥΡΩΣΩ ΤΙΣ ΚΡΑΤΗΣΕΙΣ ΜΑΣ", "ακύρωση"),
        ("ποτε φευγει το τελευταιο δρομολογιο", "ώρες"),
        ("ευχαρηστω πολυ για ολα", "ευχαριστίες"),
        ("κλείσιμο εισιτηρίου από Βόλο για Καβάλα", "κράτηση"),
    ] {
        assert_eq!(intent(&model, text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn roles_tell_where_from_and_where_to() {
    let model = model("el", &data(GREEK));
    let text = "ένα εισιτήριο από Λάρισα για Καβάλα";
    let entities = model.parse(text, 1, &Zoned::default()).entities;
    let found: Vec<_> = entities
        .iter()
        .map(|entity| {
            (
                entity.value.as_str(),
                entity.role.as_deref(),
                entity.start,
                entity.end,
            )
        })
        .collect();
    let expected = [
        (Some("Λάρισα"), Some("από"), 18, 24),
        (Some("Καβάλα"), Some("προς"), 29, 35),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_list_finds_its_words_in_any_case_and_with_any_accents() {
    let mut data = data(GREEK);
    data.lookups = vec![Lookup {
        entity: "νησί".into(),
        values: vec!["Μύκονος".into(), "Άγιος Ευστράτιος".into()],
    }];
    let model = model("el", &data);
    for (text, value) in [
        ("πότε φτάνει στη μυκονοσ", "Μύκονος"),
        ("ΔΡΟΜΟΛΟΓΙΑ ΓΙΑ ΑΓΙΟΣ ΕΥΣΤΡΑΤΙΟΣ", "Άγιος Ευστράτιος"),
    ] {
        let result = model.parse(text, 1, &Zoned::default());
        let island = result
            .entities
            .iter()
            .find(|entity| entity.entity == "νησί");
        let island = island.unwrap_or_else(|| panic!("{text}: {result:?}"));
        assert_eq!(island.value, value, "{text}");
    }
}

#[test]
fn other_languages_are_learned_from_their_examples_alone() {
    for (language, order, cancel, asked) in [
        (
            "de",
            "ich möchte eine Pizza bestellen\nkann ich Essen bestellen\nich hätte gern zwei Pizzen\neine große Pizza bitte",
            "ich will meine Bestellung stornieren\nbitte storniert die Bestellung\nich möchte stornieren\nStornierung meiner Bestellung",
            [
                ("ICH MOECHTE PIZZA BESTELLEN", "order"),
                ("stornirung bitte", "cancel"),
                ("große pizzen", "order"),
            ],
        ),
        (
            "fr",
            "je voudrais commander une pizza\nune grande pizza s'il vous plaît\nj'aimerais passer commande\npuis-je commander à manger",
            "je veux annuler ma commande\nannulez tout\nl'annulation de la commande\nmerci d'annuler ça",
            [
                ("j aimerai commander des pizzas", "order"),
                ("ANNULER LA COMMANDE", "cancel"),
                ("annulation", "cancel"),
            ],
        ),
        (
            "pl",
            "chciałbym zamówić pizzę\npoproszę dużą pizzę\nczy mogę złożyć zamówienie\nzamawiam dwie pizze",
            "chcę anulować zamówienie\nproszę anulować\nanulowanie zamówienia\nrezygnuję z zamówienia",
            [
                ("chcialbym zamowic pizze", "order"),
                ("anulujcie zamowienie", "cancel"),
                ("duza pizza", "order"),
            ],
        ),
        (
            "ru",
            "хочу заказать пиццу\nможно заказать еду\nодну большую пиццу пожалуйста\nзакажите мне пиццу",
            "отмените мой заказ\nхочу отменить заказ\nотмена заказа\nпрошу отменить",
            [
                ("ХОЧУ ПИЦЦУ", "order"),
                ("отменить всё", "cancel"),
                ("заказываю большую пицу", "order"),
            ],
        ),
        (
            "tr",
            "bir pizza sipariş etmek istiyorum\nbüyük boy pizza lütfen\nyemek ısmarlamak istiyorum\niki pizza alabilir miyim",
            "siparişimi iptal etmek istiyorum\nlütfen iptal edin\niptal\nsipariş iptali",
            [
                ("BÜYÜK PİZZA ISMARLAMAK", "order"),
                ("iptal et", "cancel"),
                ("pizzalar lutfen", "order"),
            ],
        ),
    ] {
        let model = model(language, &data(&[("order", order), ("cancel", cancel)]));
        for (text, expected) in asked {
            let result = model.parse(text, 1, &Zoned::default());
            let best = result
                .intent_ranking
                .first()
                .map(|ranked| ranked.name.as_str());
            assert_eq!(best, Some(expected), "{language}: {text}");
        }
    }
}
