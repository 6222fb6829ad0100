//! The public data sets, read from their own files in the folder that `STOA_DATASETS` names.

use serde::Deserialize;
use std::error::Error;
use std::path::{Path, PathBuf};
use stoa_contracts::training_data::{Example, TrainingData};

/// A data set with its official split.
pub(crate) struct Dataset {
    /// Its name.
    pub(crate) name: &'static str,
    /// What a model is trained on.
    pub(crate) train: TrainingData,
    /// Utterances to be asked, with their intent; none for those that are out of scope.
    pub(crate) test: Vec<(String, Option<String>)>,
}

/// Where the data sets lie; an error that says how to provide them.
pub(crate) fn folder() -> Result<PathBuf, String> {
    let folder = std::env::var_os("STOA_DATASETS").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("clinc150/data_full.json").is_file());
    folder.ok_or_else(|| {
        "CLINC150 and BANKING77 are not here: set STOA_DATASETS to the folder that holds \
         clinc150/data_full.json and banking77/{train,test}.csv"
            .into()
    })
}

/// CLINC150, full set: 150 intents, and utterances out of scope in training and test.
pub(crate) fn clinc150(folder: &Path) -> Result<Dataset, Box<dyn Error>> {
    #[derive(Deserialize)]
    struct Full {
        train: Vec<(String, String)>,
        oos_train: Vec<(String, String)>,
        test: Vec<(String, String)>,
        oos_test: Vec<(String, String)>,
    }
    let file = std::fs::read(folder.join("clinc150/data_full.json"))?;
    let full: Full = serde_json::from_slice(&file)?;
    let labelled = |(text, intent): (String, String)| {
        let intent = (intent != "oos").then_some(intent);
        (text, intent)
    };
    Ok(Dataset {
        name: "CLINC150",
        train: examples(full.train.into_iter().chain(full.oos_train).map(labelled)),
        test: full
            .test
            .into_iter()
            .chain(full.oos_test)
            .map(labelled)
            .collect(),
    })
}

/// BANKING77: 77 intents of one domain.
pub(crate) fn banking77(folder: &Path) -> Result<Dataset, Box<dyn Error>> {
    let read = |name: &str| -> Result<Vec<(String, Option<String>)>, csv::Error> {
        let mut reader = csv::Reader::from_path(folder.join("banking77").join(name))?;
        let rows = reader.deserialize::<(String, String)>();
        rows.map(|row| row.map(|(text, intent)| (text, Some(intent))))
            .collect()
    };
    let train = examples(read("train.csv")?.into_iter());
    Ok(Dataset {
        name: "BANKING77",
        train,
        test: read("test.csv")?,
    })
}

fn examples(labelled: impl Iterator<Item = (String, Option<String>)>) -> TrainingData {
    let example = |(text, intent)| Example {
        text,
        intent,
        ..Example::default()
    };
    TrainingData {
        examples: labelled.map(example).collect(),
        ..TrainingData::default()
    }
}
