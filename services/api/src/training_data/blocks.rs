//! The lines of a YAML block (`examples: |`), each with its place in the document.

use crate::document::Position;

/// How far a block is indented at most, in bytes, for its lines to be found.
const INDENT: usize = 1024;

/// The document's text, walked through from top to bottom once.
pub(super) struct Source<'a> {
    text: &'a str,
    line: u32,
    offset: usize,
    /// Where each line begins, once that was asked.
    starts: Option<Vec<usize>>,
    /// The last place that was asked for, and where it is.
    seen: (Position, usize),
}

impl<'a> Source<'a> {
    /// A document that begins at line 1.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            line: 1,
            offset: 0,
            starts: None,
            seen: (Position::new(1, 1), 0),
        }
    }

    /// The lines of `value`, whose first character that is not a line end stands at `at`.
    ///
    /// In a literal block every line of the value is a line of the document; from where it is not
    /// (the scalar is folded or quoted, or an alias), the lines share the place of the scalar. So nothing is looked
    /// for that is not there, and the work grows with the document and the values only.
    pub(super) fn lines(&mut self, at: Position, value: &str) -> Vec<(Position, String)> {
        let blank = value.lines().take_while(|line| line.is_empty()).count();
        let first = at
            .line
            .saturating_sub(u32::try_from(blank).unwrap_or(u32::MAX))
            .max(1);
        let mut rest = self.rest_from(first);
        let mut number = first;
        let placed = value.lines().map(|line| {
            let Some((before, after)) = rest.and_then(|rest| split(rest, line)) else {
                rest = None;
                return (at, line.to_owned());
            };
            let place = Position::new(number, 1).right(before.chars().count());
            rest = Some(after);
            number += 1;
            (place, line.to_owned())
        });
        placed.collect()
    }

    /// Whether a scalar stands there as this text. Of an alias that was said where it is defined.
    pub(super) fn has(&mut self, at: Position, scalar: &str) -> bool {
        let rest = &self.text[self.offset_of(at)..];
        let goes_on = |c: char| c.is_alphanumeric() || "._+-".contains(c);
        let behind = rest.strip_prefix(scalar);
        rest.starts_with('*') || behind.is_some_and(|behind| !behind.starts_with(goes_on))
    }

    /// Where a place is, in bytes. Many of one line that are asked for from left to right take one walk through it.
    fn offset_of(&mut self, at: Position) -> usize {
        let starts = self.starts.get_or_insert_with(|| {
            let ends = self.text.match_indices('\n').map(|(end, _)| end + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let line = usize::try_from(at.line).unwrap_or(1).saturating_sub(1);
        let start = starts.get(line).copied().unwrap_or(self.text.len());
        let (from, offset) = match self.seen {
            (seen, offset) if seen.line == at.line && seen.column <= at.column => {
                (seen.column, offset)
            }
            _ => (1, start),
        };
        let further = usize::try_from(at.column.saturating_sub(from)).unwrap_or(0);
        let rest = &self.text[offset..];
        let further = rest.char_indices().nth(further);
        let offset = further.map_or(self.text.len(), |(further, _)| offset + further);
        self.seen = (at, offset);
        offset
    }

    /// The text from the beginning of a line on, unless the walk is past it.
    fn rest_from(&mut self, number: u32) -> Option<&'a str> {
        if number < self.line {
            return None;
        }
        while self.line < number {
            self.offset += self.text[self.offset..].find('\n')? + 1;
            self.line += 1;
        }
        Some(&self.text[self.offset..])
    }
}

/// What stands before `line` on the first line of `text`, and what follows that line.
fn split<'a>(text: &'a str, line: &str) -> Option<(&'a str, &'a str)> {
    let near = (line.len() + INDENT).min(text.len());
    let end = text.as_bytes()[..near]
        .iter()
        .position(|byte| *byte == b'\n');
    let (found, after) = match end {
        Some(end) => (&text[..end], &text[end + 1..]),
        None if near == text.len() => (text, ""),
        None => return None,
    };
    let found = found.strip_suffix('\r').unwrap_or(found);
    Some((found.strip_suffix(line)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_literal_block_have_places_of_their_own_and_others_share_one() {
        let mut source = Source::new("a: |\n  - x\n\n    - y\nb: \"- x\\n- y\"\n");
        let place = |(at, _): &(Position, String)| (at.line, at.column);
        let block = source.lines(Position::new(2, 3), "- x\n\n  - y\n");
        let places: Vec<_> = block.iter().map(place).collect();
        assert_eq!(places, [(2, 3), (3, 1), (4, 3)]);
        let quoted = source.lines(Position::new(5, 4), "- x\n- y");
        let places: Vec<_> = quoted.iter().map(place).collect();
        assert_eq!(places, [(5, 4), (5, 4)]);
        let alias = source.lines(Position::new(2, 3), "- x\n");
        assert_eq!(place(&alias[0]), (2, 3));
    }
}
