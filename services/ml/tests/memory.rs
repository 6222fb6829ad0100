//! What a training takes in memory at most. It is by itself here: what is measured is the process.

use ml::engine::{Options, Progress, train};
use std::num::NonZeroUsize;
use stoa_contracts::training_data::{Example, TrainingData};

const EXAMPLES: u64 = 30_000;
const LETTERS: usize = 70;
const WORDS: u64 = 500;
/// Of the process, in MiB. With the features of all examples and their folded texts side by side it would be 240.
const MOST: u64 = 180;

/// A number that looks like chance.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (number ^ number >> 32).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

/// A word of three to eight letters.
fn word(number: u64) -> String {
    let letter = |place: u64| u8::try_from(mixed(number * 8 + place) % 26).unwrap_or_default();
    let letters = (0..3 + mixed(number) % 6).map(|place| char::from(b'a' + letter(place)));
    letters.collect()
}

fn example(number: u64) -> Example {
    let mut text = String::new();
    for place in 0.. {
        if text.len() >= LETTERS {
            break;
        }
        text += &word(mixed(number * 100 + place) % WORDS);
        text.push(' ');
    }
    Example {
        text,
        intent: Some(["pay", "stop"][usize::from(number.is_multiple_of(2))].into()),
        ..Example::default()
    }
}

/// The most that this process has taken so far; none where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}

#[test]
fn a_training_does_not_keep_what_it_can_make_again() {
    let data = TrainingData {
        examples: (0..EXAMPLES).map(example).collect(),
        ..TrainingData::default()
    };
    let mut options = Options {
        threads: NonZeroUsize::new(2).expect("it is more than none"),
        ..Options::default()
    };
    (options.intents.epochs, options.intents.most_epochs) = (1, 1);
    train(&data, &options, &Progress::new()).expect("the data is sound");
    let Some(peak) = peak() else {
        eprintln!("skipped: this system does not tell what a process takes");
        return;
    };
    assert!(peak < MOST, "{peak} MiB");
}
