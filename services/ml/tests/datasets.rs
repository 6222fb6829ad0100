//! Accuracy on public data sets with the one default configuration. The limits lie a little
//! below what was measured, so that noise passes and a loss does not.
//!
//! The data sets are not in the repository: `make test` runs these where `STOA_DATASETS` names them.

#[path = "support/datasets.rs"]
mod datasets;

use datasets::Dataset;
use jiff::Zoned;
use ml::engine::{Options, Progress, train};

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of utterances are far below 2^52"
)]
/// Per cent of the utterances in scope, and out of scope, that are answered right.
fn accuracy(dataset: &Dataset) -> (f64, f64) {
    let trained = train(&dataset.train, &Options::default(), &Progress::new());
    let trained = trained.unwrap_or_else(|error| panic!("{}: {error}", dataset.name));
    let share = |in_scope: bool| {
        let asked = dataset
            .test
            .iter()
            .filter(|(_, truth)| truth.is_some() == in_scope);
        let right = asked
            .clone()
            .filter(|(text, t)| trained.model.parse(text, 1, &Zoned::default()).intent.name == *t);
        100.0 * right.count() as f64 / asked.count().max(1) as f64
    };
    (share(true), share(false))
}

#[test]
#[ignore = "needs the public data sets: set STOA_DATASETS"]
fn clinc150_is_understood_better_than_by_the_published_linear_models() {
    let folder = datasets::folder().unwrap();
    let (inside, outside) = accuracy(&datasets::clinc150(&folder).unwrap());
    assert!(inside > 92.9, "in scope {inside:.2} %");
    assert!(outside > 60.0, "out of scope {outside:.2} %");
}

#[test]
#[ignore = "needs the public data sets: set STOA_DATASETS"]
fn banking77_is_understood_better_than_by_a_linear_svm() {
    let folder = datasets::folder().unwrap();
    let (inside, _) = accuracy(&datasets::banking77(&folder).unwrap());
    assert!(inside > 92.2, "in scope {inside:.2} %");
}
