//! Greek, with its accents and without.

use super::datetime::check_at;
use super::{GREEK, NOW, check, found};
use serde_json::{Value, json};

/// The same without accents, as it is typed in a hurry: every place stays.
fn hurried(table: &str) -> String {
    let plain = |letter| match letter {
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        other => other,
    };
    table.chars().map(plain).collect()
}

fn check_times(table: &str) {
    check_at(&GREEK, NOW, table);
    check_at(&GREEK, NOW, &hurried(table));
}

#[test]
fn days_have_their_date() {
    check_times(
        r"
        σήμερα | σήμερα | 2026-11-27 | day
        κλείσε για αύριο | αύριο | 2026-11-28 | day
        μεθαύριο | μεθαύριο | 2026-11-29 | day
        ήταν χθες | χθες | 2026-11-26 | day
        προχθές | προχθές | 2026-11-25 | day
        την Παρασκευή | Παρασκευή | 2026-12-04 | day
        την Τρίτη | Τρίτη | 2026-12-01 | day
        την επόμενη Δευτέρα | επόμενη Δευτέρα | 2026-11-30 | day
        την επόμενη εβδομάδα | επόμενη εβδομάδα | 2026-11-30 | week
        27/11 | 27/11 | 2026-11-27 | day
        στις 5/12 | 5/12 | 2026-12-05 | day
        στις 15 Δεκεμβρίου | 15 Δεκεμβρίου | 2026-12-15 | day
        15η Δεκεμβρίου 2027 | 15η Δεκεμβρίου 2027 | 2027-12-15 | day
        Παρασκευή 4 Δεκεμβρίου | Παρασκευή 4 Δεκεμβρίου | 2026-12-04 | day
        τον Δεκέμβριο | Δεκέμβριο | 2026-12-01 | month
        15 Μαΐου | 15 Μαΐου | 2027-05-15T00:00:00+03:00 | day
        Τετάρτη | Τετάρτη | 2026-12-02 | day
        κλείσε για τετάρτη | τετάρτη | 2026-12-02 | day
        την Τρίτη θέλω ραντεβού | Τρίτη | 2026-12-01 | day
        την τρίτη στις 5 | τρίτη στις 5 | 2026-12-01T17:00 | hour
        από 5/12 | από 5/12 | 2026-12-05/ | day
        την 5/12 | 5/12 | 2026-12-05 | day
        ",
    );
}

#[test]
fn times_are_said_behind_the_day() {
    check_times(
        r"
        αύριο στις 17:00 | αύριο στις 17:00 | 2026-11-28T17:00 | minute
        αύριο στις 5 | αύριο στις 5 | 2026-11-28T17:00 | hour
        στις 5 μ.μ. | 5 μ.μ. | 2026-11-27T17:00 | hour
        στις πέντε και μισή | πέντε και μισή | 2026-11-27T17:30 | minute
        αύριο στις 5 και 30 | αύριο στις 5 και 30 | 2026-11-28T17:30 | minute
        αύριο στις 5 και 45 | αύριο στις 5 και 45 | 2026-11-28T17:45 | minute
        αύριο στις πέντε και σαράντα πέντε | αύριο στις πέντε και σαράντα πέντε | 2026-11-28T17:45 | minute
        στις 6 παρά 30 | 6 παρά 30 | 2026-11-27T17:30 | minute
        στις 5:30 pm | 5:30 pm | 2026-11-27T17:30 | minute
        έως τις 5 | έως τις 5 | /2026-11-27T17:00 | hour
        στις 6 παρά τέταρτο | 6 παρά τέταρτο | 2026-11-27T17:45 | minute
        αύριο στις 9 το πρωί | αύριο στις 9 το πρωί | 2026-11-28T09:00 | hour
        αύριο το απόγευμα | αύριο το απόγευμα | 2026-11-28T12:00/2026-11-28T18:00 | hour
        σε 2 ώρες | σε 2 ώρες | 2026-11-27T12:15 | minute
        πριν από 10 λεπτά | πριν από 10 λεπτά | 2026-11-27T10:05 | minute
        μετά από μία ώρα | μετά από μία ώρα | 2026-11-27T11:15 | minute
        πριν τις 5 | πριν τις 5 | /2026-11-27T17:00 | hour
        από Δευτέρα έως Τετάρτη | από Δευτέρα έως Τετάρτη | 2026-11-30/2026-12-03 | day
        ",
    );
}

#[test]
fn numbers_ordinals_and_percentages_are_read_in_words() {
    let rows: &[(&str, &str, &str, Value)] = &[
        ("δύο πίτσες", "δύο", "number", json!(2)),
        ("είκοσι τρία άτομα", "είκοσι τρία", "number", json!(23)),
        ("είκοσι μία φορές", "είκοσι μία", "number", json!(21)),
        ("εκατόν πέντε", "εκατόν πέντε", "number", json!(105)),
        ("τριακόσιες", "τριακόσιες", "number", json!(300)),
        ("χίλια διακόσια", "χίλια διακόσια", "number", json!(1200)),
        ("τη 3η φορά", "3η", "ordinal", json!(3)),
        ("ο 5ος όροφος", "5ος", "ordinal", json!(5)),
        ("το 2ο παιδί", "2ο", "ordinal", json!(2)),
        ("η πρώτη επιλογή", "πρώτη", "ordinal", json!(1)),
        ("μείον 20", "μείον 20", "number", json!(-20)),
        ("10 τοις εκατό", "10 τοις εκατό", "percentage", json!(10)),
    ];
    for (text, part, kind, value) in rows {
        check(&GREEK, kind, &[(text, &[(part, value.clone())])]);
        let (text, part) = (hurried(text), hurried(part));
        check(&GREEK, kind, &[(&text, &[(&part, value.clone())])]);
    }
}

#[test]
fn sums_and_lengths_have_their_unit() {
    let euros = |amount: f64| json!({"amount": amount, "currency": "EUR"});
    let length = |iso: &str, seconds: u64| json!({"iso": iso, "seconds": seconds});
    let whole = json!({"amount": 20, "currency": "EUR"});
    let dollars = json!({"amount": 5, "currency": "USD"});
    let owed = json!({"amount": -20, "currency": "EUR"});
    let rows: &[(&str, &str, &str, Value)] = &[
        ("κοστίζει 20 ευρώ", "20 ευρώ", "money", whole.clone()),
        ("δεν έχω παρά 20 ευρώ", "20 ευρώ", "money", whole),
        ("μείον 20 ευρώ", "μείον 20 ευρώ", "money", owed),
        ("πέντε δολάρια", "πέντε δολάρια", "money", dollars),
        (
            "5 ευρώ και 50 λεπτά",
            "5 ευρώ και 50 λεπτά",
            "money",
            euros(5.5),
        ),
        ("30 λεπτά", "30 λεπτά", "duration", length("PT30M", 1800)),
        ("δύο ώρες", "δύο ώρες", "duration", length("PT2H", 7200)),
        ("μισή ώρα", "μισή ώρα", "duration", length("PT30M", 1800)),
        ("3 μέρες", "3 μέρες", "duration", length("P3D", 259_200)),
        (
            "μία εβδομάδα",
            "μία εβδομάδα",
            "duration",
            length("P1W", 604_800),
        ),
        ("6 μήνες", "6 μήνες", "duration", length("P6M", 15_552_000)),
        (
            "2 χρόνια",
            "2 χρόνια",
            "duration",
            length("P2Y", 63_072_000),
        ),
        (
            "10 δευτερόλεπτα",
            "10 δευτερόλεπτα",
            "duration",
            length("PT10S", 10),
        ),
    ];
    for (text, part, kind, value) in rows {
        check(&GREEK, kind, &[(text, &[(part, value.clone())])]);
        let (text, part) = (hurried(text), hurried(part));
        check(&GREEK, kind, &[(&text, &[(&part, value.clone())])]);
    }
}

#[test]
fn words_with_another_meaning_are_left_alone() {
    for text in [
        "θέλω ένα ραντεβού",
        "καλή μέρα",
        "τι ώρα είναι",
        "την τρίτη φορά",
        "η τέταρτη επιλογή",
        "την τρίτη επιλογή",
        "στην πέμπτη σελίδα",
        "την τέταρτη μέρα",
        "και μετά τι",
        "από το σπίτι",
        "πριν φύγω",
    ] {
        assert_eq!(found(&GREEK, text, NOW), [], "{text}");
    }
    for text in [
        "24/7 υποστήριξη",
        "από 5 έως 10 άτομα",
        "από 5 έως 10",
        "από 5 έως 10.",
        "τις 5 πίτσες",
        "το 1/3 του ποσού",
        "τα 3/4",
        "το 24/7",
    ] {
        let found = found(&GREEK, text, NOW);
        assert!(found.iter().all(|f| f.1 == "number"), "{text}: {found:?}");
    }
    let found = found(&GREEK, "για 1/2 ώρα", NOW);
    assert!(found.iter().all(|f| f.1 != "datetime"), "{found:?}");
}
