//! What holds when a configuration is read.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{io::Write as _, net::SocketAddr, time::Duration};

use stoa_config::{
    Env, ExposeSecret as _, InternalToken, Problems, SecretString, Settings, reference,
};

#[derive(Debug)]
struct Kettle {
    name: String,
    listen: SocketAddr,
    boil: Duration,
    water: usize,
    lid: Option<String>,
    key: SecretString,
}

impl Settings for Kettle {
    fn read(env: &mut Env) -> Option<Self> {
        let name = env.text("KETTLE_NAME", "what it is called").required();
        let listen = env
            .parse("LISTEN_ADDR", "where it listens")
            .default("127.0.0.1:80")
            .read();
        let boil = env
            .duration("KETTLE_BOIL", "how long it boils")
            .default("3m")
            .read();
        let water = env
            .size("KETTLE_WATER", "how much it holds")
            .default("2KiB")
            .read();
        let lid = env.text("KETTLE_LID", "its lid").optional();
        let key = env.secret("KETTLE_KEY", "its key").required();
        Some(Self {
            name: name?,
            listen: listen?,
            boil: boil?,
            water: water?,
            lid: lid?,
            key: key?,
        })
    }
}

fn load(pairs: &[(&str, &str)]) -> Result<Kettle, Problems> {
    Env::from_pairs(pairs.iter().copied()).load()
}

fn problems(pairs: &[(&str, &str)]) -> String {
    load(pairs).unwrap_err().to_string()
}

#[test]
fn defaults_hold_where_nothing_is_set() {
    let kettle = load(&[("KETTLE_NAME", "Kurt"), ("KETTLE_KEY", "k")]).unwrap();
    assert_eq!((kettle.name.as_str(), kettle.lid), ("Kurt", None));
    assert_eq!((kettle.boil, kettle.water), (Duration::from_mins(3), 2048));
    assert_eq!(kettle.listen.port(), 80);
}

#[test]
fn every_problem_is_told_at_once_with_its_key() {
    let told = problems(&[
        ("LISTEN_ADDR", "here"),
        ("KETTLE_BOIL", "3"),
        ("KETTLE_WATER", "2kb"),
    ]);
    for key in [
        "KETTLE_NAME",
        "KETTLE_KEY",
        "LISTEN_ADDR",
        "KETTLE_BOIL",
        "KETTLE_WATER",
    ] {
        assert!(told.contains(key), "{told}");
    }
}

#[test]
fn an_empty_value_counts_as_not_set() {
    let told = problems(&[("KETTLE_NAME", ""), ("KETTLE_KEY", "k")]);
    assert!(told.contains("KETTLE_NAME is required"), "{told}");
}

#[test]
fn a_secret_comes_from_a_file_without_its_last_line_break() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "from the file").unwrap();
    let path = file.path().to_str().unwrap();
    let kettle = load(&[("KETTLE_NAME", "Kurt"), ("KETTLE_KEY_FILE", path)]).unwrap();
    assert_eq!(kettle.key.expose_secret(), "from the file");
}

#[test]
fn a_secret_that_is_set_twice_is_a_problem() {
    let told = problems(&[
        ("KETTLE_NAME", "Kurt"),
        ("KETTLE_KEY", "k"),
        ("KETTLE_KEY_FILE", "/f"),
    ]);
    assert!(
        told.contains("KETTLE_KEY and KETTLE_KEY_FILE are both set"),
        "{told}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_that_names_it() {
    let told = problems(&[
        ("KETTLE_NAME", "Kurt"),
        ("KETTLE_KEY_FILE", "/no/such/file"),
    ]);
    assert!(told.contains("KETTLE_KEY_FILE=/no/such/file"), "{told}");
}

#[test]
fn a_secret_does_not_show_in_debug() {
    let kettle = load(&[("KETTLE_NAME", "Kurt"), ("KETTLE_KEY", "hush")]).unwrap();
    assert!(!format!("{kettle:?}").contains("hush"));
}

#[test]
fn the_reference_lists_every_key_with_default_and_help() {
    let table = reference::<Kettle>();
    let line = |key: &str| {
        table
            .lines()
            .find(|line| line.trim_start().starts_with(key))
            .unwrap()
    };
    assert!(line("KETTLE_NAME").ends_with("what it is called (required)"));
    assert!(line("KETTLE_BOIL").ends_with("how long it boils [3m]"));
    assert!(line("KETTLE_KEY[_FILE]").ends_with("its key (required)"));
}

/// One that boils while it is held.
struct Held;

impl Settings for Held {
    fn read(env: &mut Env) -> Option<Self> {
        let boil = env.declared("KETTLE_BOIL").map(str::to_owned);
        if boil.as_deref() == Some("3m") {
            env.refuse("KETTLE_HOLD", "must be longer than KETTLE_BOIL");
        }
        Some(Self)
    }
}

/// A kettle, and what holds it.
struct Kitchen;

impl Settings for Kitchen {
    fn read(env: &mut Env) -> Option<Self> {
        let kettle = Kettle::read(env);
        let held = Held::read(env);
        kettle.and(held).map(|_| Self)
    }
}

#[test]
fn what_is_at_odds_with_another_key_is_refused_beside_all_other_problems() {
    let told = Env::default().load::<Kitchen>().err().unwrap();
    assert_eq!(told.lines().len(), 3, "{told}");
    let refused = "KETTLE_HOLD is not valid: must be longer than KETTLE_BOIL";
    assert_eq!(told.lines()[2], refused);
    let pairs = [
        ("KETTLE_BOIL", "4m"),
        ("KETTLE_NAME", "Kurt"),
        ("KETTLE_KEY", "k"),
    ];
    assert!(Env::from_pairs(pairs).load::<Kitchen>().is_ok());
    assert!(Env::default().load::<Held>().is_ok(), "nobody declared it");
}

/// Where a kettle of a name, with a lid, must stand elsewhere.
struct Shelf;

impl Settings for Shelf {
    fn read(env: &mut Env) -> Option<Self> {
        let kettle = Kettle::read(env);
        for key in ["KETTLE_NAME", "KETTLE_LID"] {
            if env.declared(key).is_some() {
                env.refuse(key, "must not be set");
            }
        }
        kettle.map(|_| Self)
    }
}

#[test]
fn a_key_without_a_value_and_a_default_has_no_text() {
    let told = Env::default().load::<Shelf>().err().unwrap();
    assert_eq!(told.lines().len(), 2, "what is required: {told}");
    let named = Env::from_pairs([("KETTLE_NAME", "Kurt")]).load::<Shelf>();
    let told = named.err().unwrap();
    assert_eq!(told.lines()[1], "KETTLE_NAME is not valid: must not be set");
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_and_not_told() {
    let read = |token| Env::from_pairs([("INTERNAL_TOKEN", token)]).load::<InternalToken>();
    for token in [" token", "to\nken", "t\u{f6}ken"] {
        let told = read(token).unwrap_err().to_string();
        assert!(told.contains("INTERNAL_TOKEN is not valid"), "{told}");
        assert!(!told.contains(token), "{told}");
    }
    for token in ["dG9rZW4+/w==", "between services"] {
        assert!(read(token).is_ok(), "{token}");
    }
}

#[test]
fn durations_and_sizes_need_a_unit_and_fit() {
    for bad in [
        "10",
        "s",
        "1.5s",
        "10 s",
        "-1s",
        "99999999999999999999s",
        "18446744073709551615d",
    ] {
        assert!(stoa_config::parse_duration(bad).is_err(), "{bad}");
    }
    for bad in ["5", "5MB", "MiB", "99999999999GiB"] {
        assert!(stoa_config::parse_size(bad).is_err(), "{bad}");
    }
    assert_eq!(
        stoa_config::parse_duration("250ms"),
        Ok(Duration::from_millis(250))
    );
    assert_eq!(stoa_config::parse_size("5MiB"), Ok(5 << 20));
}
