//! The weights of an encoder, out of a file of the safetensors format: the length of a table of contents in eight bytes,
//! the table as JSON, and behind it numbers.

use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// Weights by their names.
pub(super) struct Weights<'a> {
    /// Beside weights it may hold remarks, which are something else.
    contents: HashMap<String, Value>,
    numbers: &'a [u8],
}

/// Where weights lie.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// From which byte behind the table to which.
    data_offsets: (usize, usize),
}

/// Numbers in rows.
pub(super) struct Matrix {
    pub(super) numbers: Vec<f32>,
    pub(super) columns: usize,
}

impl Matrix {
    pub(super) fn rows(&self) -> usize {
        self.numbers.len() / self.columns.max(1)
    }

    pub(super) fn row(&self, number: usize) -> &[f32] {
        &self.numbers[number * self.columns..(number + 1) * self.columns]
    }
}

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// It is another file, or one that was cut off.
    #[error("the file of weights is not one of the safetensors format")]
    Format,
    /// Something is missing.
    #[error("the weights `{0}` are missing, or are no 32-bit numbers in so many dimensions")]
    Missing(String),
    /// The parts contradict each other.
    #[error("the parts of the network do not fit together")]
    Shapes,
    /// A number that sums cannot hold.
    #[error("the weights `{0}` are not all finite")]
    Number(String),
}

impl<'a> Weights<'a> {
    /// The weights in the bytes of a file.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let (length, rest) = bytes.split_first_chunk().ok_or(WeightsError::Format)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (contents, numbers) = rest.split_at_checked(length).ok_or(WeightsError::Format)?;
        let contents = serde_json::from_slice(contents).map_err(|_| WeightsError::Format)?;
        Ok(Self { contents, numbers })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.contents.contains_key(name)
    }

    pub(super) fn matrix(&self, name: &str) -> Result<Matrix, WeightsError> {
        let (shape, numbers) = self.numbers(name, 2)?;
        let columns = shape[1];
        Ok(Matrix { numbers, columns })
    }

    pub(super) fn vector(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        self.numbers(name, 1).map(|(_, numbers)| numbers)
    }

    fn numbers(
        &self,
        name: &str,
        dimensions: usize,
    ) -> Result<(Vec<usize>, Vec<f32>), WeightsError> {
        let entry = self.contents.get(name).ok_or_else(|| missing(name))?;
        let entry = Entry::deserialize(entry).map_err(|_| missing(name))?;
        let (start, end) = entry.data_offsets;
        let bytes = self.numbers.get(start..end).ok_or(WeightsError::Format)?;
        let count = entry
            .shape
            .iter()
            .try_fold(4_usize, |bytes, size| bytes.checked_mul(*size));
        if entry.dtype != "F32" || entry.shape.len() != dimensions || count != Some(bytes.len()) {
            return Err(missing(name));
        }
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let numbers: Vec<f32> = numbers.collect();
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(WeightsError::Number(name.to_owned()));
        }
        Ok((entry.shape, numbers))
    }
}

fn missing(name: &str) -> WeightsError {
    WeightsError::Missing(name.to_owned())
}
