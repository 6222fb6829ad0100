//! Sentence encoders: a tiny one of the test's own, and the real one where `STOA_ENCODER` names its folder.

use crate::support::energy_supplier;
use ml::engine::{ArtefactError, Encoder, EncoderError, Model, Options, Progress, Trained, train};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::thread;
use tempfile::TempDir;

const WIDTH: usize = 8;
const BETWEEN: usize = 12;
const PLACES: usize = 128;
const PIECES: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nmy\nmeter\nshows\nthe\nbill\nmove\nhouse\ncost\nmuch\nhow\n##s\n##ing\nto\na\nyou\nis";

/// Weights of these shapes, out of a small generator.
struct Made {
    seed: u64,
    tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl Made {
    fn new(seed: u64) -> Self {
        let mut made = Self {
            seed,
            tensors: BTreeMap::new(),
        };
        let pieces = PIECES.lines().count();
        made.add("embeddings.word_embeddings.weight", &[pieces, WIDTH]);
        made.add("embeddings.position_embeddings.weight", &[PLACES, WIDTH]);
        made.add("embeddings.token_type_embeddings.weight", &[2, WIDTH]);
        made.norm("embeddings.LayerNorm");
        for (part, shape) in [
            ("attention.self.query", [WIDTH, WIDTH]),
            ("attention.self.key", [WIDTH, WIDTH]),
            ("attention.self.value", [WIDTH, WIDTH]),
            ("attention.output.dense", [WIDTH, WIDTH]),
            ("intermediate.dense", [BETWEEN, WIDTH]),
            ("output.dense", [WIDTH, BETWEEN]),
        ] {
            made.add(&format!("encoder.layer.0.{part}.weight"), &shape);
            made.add(&format!("encoder.layer.0.{part}.bias"), &shape[..1]);
        }
        for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
            made.norm(&format!("encoder.layer.0.{part}"));
        }
        made
    }

    fn norm(&mut self, name: &str) {
        for part in ["weight", "bias"] {
            self.add(&format!("{name}.{part}"), &[WIDTH]);
        }
    }

    fn add(&mut self, name: &str, shape: &[usize]) {
        let mut bytes = Vec::new();
        for _ in 0..shape.iter().product::<usize>() {
            self.seed = self
                .seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let byte = u8::try_from(self.seed >> 56).unwrap_or_default();
            bytes.extend((f32::from(byte) / 128.0 - 1.0).to_le_bytes());
        }
        self.tensors
            .insert(name.to_owned(), (shape.to_vec(), bytes));
    }

    /// A folder with these weights.
    fn folder(&self) -> TempDir {
        let (mut contents, mut numbers) = (json!({"__metadata__": {"format": "pt"}}), Vec::new());
        for (name, (shape, bytes)) in &self.tensors {
            let place = (numbers.len(), numbers.len() + bytes.len());
            contents[name] = json!({"dtype": "F32", "shape": shape, "data_offsets": place});
            numbers.extend(bytes);
        }
        let contents = contents.to_string();
        let length = u64::try_from(contents.len())
            .expect("it is short")
            .to_le_bytes();
        let weights = [&length[..], contents.as_bytes(), &numbers].concat();
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let file = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(file(name), bytes).expect("there is room for a file");
        };
        write("model.safetensors", &weights);
        write("vocab.txt", PIECES.as_bytes());
        write("config.json", br#"{"num_attention_heads": 2}"#);
        folder
    }
}

fn tiny(seed: u64) -> Arc<Encoder> {
    let folder = Made::new(seed).folder();
    Arc::new(Encoder::load(folder.path()).expect("the folder has an encoder"))
}

static TINY: LazyLock<Arc<Encoder>> = LazyLock::new(|| tiny(1));

fn trained_with(encoder: &Arc<Encoder>) -> Trained {
    let options = Options {
        encoder: Some(Arc::clone(encoder)),
        ..Options::default()
    };
    train(&energy_supplier(), &options, &Progress::new()).expect("the data is sound")
}

fn length(numbers: &[f32]) -> f32 {
    numbers
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt()
}

#[test]
fn an_embedding_has_length_one_and_depends_on_the_words_and_their_order() {
    let embed = |text: &str| TINY.embed(text);
    let one = embed("my meter shows the bill");
    assert_eq!(one.len(), WIDTH);
    assert!((length(&one) - 1.0).abs() < 1e-5);
    assert_eq!(one, embed("MY  meter shows the bill"));
    assert_ne!(one, embed("the bill shows my meter"));
    for text in [
        "",
        "🦀",
        "\u{0}",
        &"meter ".repeat(5_000),
        &"x".repeat(100_000),
    ] {
        let numbers = embed(text);
        assert!(
            (length(&numbers) - 1.0).abs() < 1e-5,
            "{} bytes",
            text.len()
        );
    }
}

#[test]
fn a_model_learns_from_meanings_on_any_number_of_threads() {
    let trained = trained_with(&TINY);
    let one_thread = Options {
        encoder: Some(Arc::clone(&TINY)),
        threads: std::num::NonZeroUsize::MIN,
        ..Options::default()
    };
    let again = train(&energy_supplier(), &one_thread, &Progress::new()).unwrap();
    let same = again.model.to_artefact() == trained.model.to_artefact();
    assert!(same, "the number of threads shows in the model");
    assert!(
        trained.model.is_encoded() && trained.accuracy > Some(0.8),
        "{:?}",
        trained.accuracy
    );
    let answer = trained
        .model
        .parse("my meter shows 48213", 1, &jiff::Zoned::default());
    assert!(answer.intent.name.is_some(), "{answer:?}");
}

#[test]
fn a_training_has_begun_when_its_sentences_are_embedded() {
    let mut data = energy_supplier();
    // Lists are looked at before.
    data.lookups.clear();
    data.examples.iter_mut().for_each(|e| e.entities.clear());
    let options = Options {
        encoder: Some(Arc::clone(&TINY)),
        ..Options::default()
    };
    let progress = Progress::new();
    progress.cancel();
    assert!(train(&data, &options, &progress).is_err());
    assert!(progress.has_begun());
}

#[test]
fn a_training_with_an_encoder_only_goes_forward_until_all_is_done() {
    let options = Options {
        encoder: Some(Arc::clone(&TINY)),
        ..Options::default()
    };
    let progress = Progress::new();
    thread::scope(|scope| {
        let training = scope.spawn(|| train(&energy_supplier(), &options, &progress));
        let mut before = 0.0;
        while !training.is_finished() {
            let now = progress.fraction();
            assert!(now >= before, "{now} behind {before}");
            before = now;
            thread::yield_now();
        }
        assert!(training.join().expect("it does not panic").is_ok());
    });
    assert!((progress.fraction() - 1.0).abs() < 1e-9);
}

#[test]
fn a_model_is_read_with_its_own_encoder_and_with_no_other() {
    let model = trained_with(&TINY).model;
    let artefact = model.to_artefact();
    assert_eq!(Model::from_artefact(&artefact, Some(&TINY)).unwrap(), model);
    for other in [None, Some(&tiny(2))] {
        let refusal = Model::from_artefact(&artefact, other).unwrap_err();
        assert!(
            matches!(&refusal, ArtefactError::Encoder(id) if id == TINY.id()),
            "{refusal}"
        );
        assert!(refusal.to_string().contains("ENCODER"));
    }
    let plain = train(&energy_supplier(), &Options::default(), &Progress::new()).unwrap();
    let plain = plain.model.to_artefact();
    assert!(
        !Model::from_artefact(&plain, Some(&TINY))
            .unwrap()
            .is_encoded()
    );
}

#[test]
fn a_damaged_encoded_model_is_refused() {
    let artefact = trained_with(&TINY).model.to_artefact();
    for end in (0..artefact.len()).step_by(artefact.len() / 60) {
        assert!(Model::from_artefact(&artefact[..end], Some(&TINY)).is_err());
    }
}

#[test]
fn what_is_no_encoder_is_refused_with_what_is_wrong() {
    let refusal = |folder: &Path| Encoder::load(folder).unwrap_err();
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(empty.path()), EncoderError::File(..)));

    let mut made = Made::new(1);
    made.tensors
        .remove("encoder.layer.0.intermediate.dense.bias");
    let lacking = refusal(made.folder().path());
    assert!(
        format!("{lacking:?}").contains("intermediate.dense.bias"),
        "{lacking:?}"
    );

    let mut made = Made::new(1);
    made.add(
        "encoder.layer.0.intermediate.dense.weight",
        &[BETWEEN, WIDTH + 1],
    );
    assert!(matches!(
        refusal(made.folder().path()),
        EncoderError::Weights(_)
    ));

    let mut made = Made::new(1);
    let bias = made.tensors.get_mut("embeddings.LayerNorm.bias").unwrap();
    bias.1[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(
        refusal(made.folder().path()),
        EncoderError::Weights(_)
    ));

    let folder = Made::new(1).folder();
    let many = format!("{PIECES}\nanother");
    std::fs::write(folder.path().join("vocab.txt"), many).unwrap();
    assert!(matches!(refusal(folder.path()), EncoderError::Vocabulary));
    std::fs::write(folder.path().join("model.safetensors"), b"pickle").unwrap();
    assert!(matches!(refusal(folder.path()), EncoderError::Weights(_)));
}

/// The figures are those of the reference (32-bit numbers, in Python) for all-MiniLM-L6-v2.
#[test]
fn the_real_encoder_gives_what_the_reference_gives() {
    let Some(folder) = std::env::var_os("STOA_ENCODER") else {
        eprintln!("skipped: set STOA_ENCODER to a folder with all-MiniLM-L6-v2");
        return;
    };
    let encoder = Encoder::load(Path::new(&folder)).unwrap();
    let numbers = encoder.embed("This is an offline sentence embedding");
    let reference = [
        0.000_251_1,
        0.013_470_3,
        0.089_797_2,
        0.053_610_3,
        0.079_404,
        0.073_091_6,
    ];
    for (number, reference) in numbers.iter().zip(reference) {
        assert!((number - reference).abs() < 1e-5, "{number} {reference}");
    }
    let near = |one: &str, other: &str| {
        let (one, other) = (encoder.embed(one), encoder.embed(other));
        one.iter()
            .zip(&other)
            .map(|(one, other)| one * other)
            .sum::<f32>()
    };
    let same = near("how much do I owe you", "what is my balance due");
    assert!(
        same > near("how much do I owe you", "my light is broken") + 0.2,
        "{same}"
    );
}
