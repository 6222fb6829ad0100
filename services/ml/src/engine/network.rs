//! The classifier that serves: one or two layers of weights, in a byte each.

use super::descent::Member;
use super::weights::{Learned, Quantised, is_usable};
use serde::{Deserialize, Serialize};

/// Units in between at most: many more than are learned, and so few that every word costs little.
const UNITS: usize = 4_096;

/// What an encoder says of an utterance, and what each of its numbers adds to the units in between.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'a> {
    /// A row per number, a column per unit.
    pub(super) weights: &'a Quantised,
    /// The numbers.
    pub(super) numbers: &'a [f32],
}

/// From features to a score per label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Network {
    first: Layer,
    /// None in a model of format 1, whose first layer gives the scores.
    second: Option<Layer>,
}

/// What each column starts from, and what each row adds to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Layer {
    /// A row per input, a column per output.
    pub(super) weights: Quantised,
    /// What each output starts from.
    pub(super) bias: Vec<f32>,
}

impl Layer {
    fn apply(&self, inputs: &[(u32, f32)]) -> Vec<f32> {
        let mut outputs = self.bias.clone();
        self.weights.add_rows(inputs, &mut outputs);
        outputs
    }

    fn bytes(&self) -> usize {
        self.weights.bytes() + self.bias.len() * 4
    }

    fn is_sound(&self, inputs: usize, outputs: usize) -> bool {
        self.bias.len() == outputs
            && self.bias.iter().all(|bias| is_usable(*bias))
            && self.weights.is_sound(inputs, outputs)
    }
}

impl From<Layer> for Network {
    /// A classifier without units in between.
    fn from(first: Layer) -> Self {
        Self {
            first,
            second: None,
        }
    }
}

impl Network {
    /// One network of several: their units side by side, their scores averaged. Beside it what a meaning adds, which has
    /// no rows without an encoder.
    pub(super) fn average(members: &[Member]) -> (Self, Quantised) {
        let meaning: Vec<&Learned> = members.iter().map(|member| &member.meaning).collect();
        let inputs: Vec<&Learned> = members.iter().map(|member| &member.inputs).collect();
        let outputs = Learned::below(members.iter().map(|member| &member.outputs));
        let thresholds = members.iter().flat_map(|member| &member.thresholds);
        let labels = members.first().map_or(0, |member| member.bias.len());
        let sum = |label: usize| members.iter().map(|member| member.bias[label]).sum::<f32>();
        let share = 1.0 / f32::from(u16::try_from(members.len().max(1)).unwrap_or(u16::MAX));
        let network = Self {
            first: Layer {
                weights: Quantised::beside(&inputs),
                bias: thresholds.copied().collect(),
            },
            second: Some(Layer {
                weights: outputs.quantise().scaled(share),
                bias: (0..labels).map(|label| sum(label) * share).collect(),
            }),
        };
        (network, Quantised::beside(&meaning))
    }

    /// Raises the score of a label.
    pub(super) fn raise(&mut self, label: usize, by: f32) {
        let last = self.second.as_mut().unwrap_or(&mut self.first);
        last.bias[label] += by;
    }

    /// A score per label, of an utterance with these features and this meaning.
    pub(super) fn scores(
        &self,
        rows: impl Iterator<Item = u32>,
        factor: f32,
        meaning: Option<Meaning<'_>>,
    ) -> Vec<f32> {
        let rows: Vec<_> = rows.map(|row| (row, factor)).collect();
        let mut levels = self.first.apply(&rows);
        if let Some(Meaning { weights, numbers }) = meaning {
            let numbers: Vec<_> = (0..).zip(numbers.iter().copied()).collect();
            weights.add_rows(&numbers, &mut levels);
        }
        let Some(second) = &self.second else {
            return levels;
        };
        let units = (0..).zip(levels).filter(|(_, level)| *level > 0.0);
        second.apply(&units.collect::<Vec<_>>())
    }

    /// The units in between.
    pub(super) fn units(&self) -> usize {
        self.first.bias.len()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.first.bytes() + self.second.as_ref().map_or(0, Layer::bytes)
    }

    /// Whether it takes this many features and gives this many finite scores.
    pub(super) fn is_sound(&self, features: usize, labels: usize) -> bool {
        let units = self.first.bias.len();
        match &self.second {
            Some(second) => {
                units <= UNITS
                    && self.first.is_sound(features, units)
                    && second.is_sound(units, labels)
            }
            None => self.first.is_sound(features, labels),
        }
    }
}
