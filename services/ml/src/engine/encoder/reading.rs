//! What an encoder has read in an utterance.

use super::super::text::Token;
use super::bert::add;
use std::ops::Range;

/// A row of numbers for each piece of an utterance, as it stands among the others.
pub(in crate::engine) struct Reading {
    rows: Vec<f32>,
    /// Where the word of each piece stands in the utterance.
    places: Vec<Range<usize>>,
}

impl Reading {
    pub(super) const fn new(rows: Vec<f32>, places: Vec<Range<usize>>) -> Self {
        Self { rows, places }
    }

    const fn width(&self) -> usize {
        self.rows.len() / self.places.len()
    }

    /// What the utterance means: numbers whose squares add up to 1.
    pub(in crate::engine) fn meaning(&self) -> Vec<f32> {
        direction(&self.rows, self.width())
    }

    /// The same of a token where it stands, of all the pieces of its word; zeros where the encoder has not read so far.
    pub(in crate::engine) fn meaning_of(&self, token: &Token) -> Vec<f32> {
        let is_of = |place: &Range<usize>| place.start < token.end && token.start < place.end;
        let from = self.places.iter().position(is_of).unwrap_or_default();
        let count = self.places[from..].iter().take_while(|place| is_of(place));
        let pieces = from..from + count.count();
        let width = self.width();
        direction(&self.rows[pieces.start * width..pieces.end * width], width)
    }
}

/// The direction of the mean of some rows: a row of length 1.
fn direction(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        add(&mut sum, row);
    }
    let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
    let length = length.max(f32::MIN_POSITIVE);
    for number in &mut sum {
        *number /= length;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::super::text::Text;
    use super::*;

    #[test]
    fn a_token_means_what_all_pieces_of_its_word_do() {
        // "5pm" is one word of the encoder and two tokens, "readings" one token of two pieces.
        let text = Text::new("at 5pm readings end");
        let places = vec![0..0, 0..2, 3..6, 7..15, 7..15, 0..0];
        let rows = vec![9.0, 9.0, 1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 3.0, 9.0, 9.0];
        let reading = Reading::new(rows, places);
        let tokens = text.tokens().iter();
        let meanings: Vec<Vec<f32>> = tokens.map(|token| reading.meaning_of(token)).collect();
        let half = 0.5_f32.sqrt();
        let wanted = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [half, half], [0.0, 0.0]];
        for (got, wanted) in meanings.iter().zip(wanted) {
            let is_near = got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(is_near, "{meanings:?}");
        }
        assert_eq!(meanings.len(), 5);
    }
}
