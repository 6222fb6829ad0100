//! The lines of a YAML block (`examples: |`), each with its place in the document.

use crate::document::Position;

/// The document's text, read line by line from top to bottom.
pub(super) struct Source<'a> {
    text: &'a str,
    line: u32,
    offset: usize,
}

impl<'a> Source<'a> {
    /// A document that begins at line 1.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            line: 1,
            offset: 0,
        }
    }

    /// The lines of `value`, whose first character that is not a line end stands at `at`.
    ///
    /// In a literal block every line of the value is a line of the document; where it is not
    /// (the scalar is folded or quoted), the line shares the place of the scalar.
    pub(super) fn lines(&mut self, at: Position, value: &str) -> Vec<(Position, String)> {
        let blank = value.lines().take_while(|line| line.is_empty()).count();
        let first = at
            .line
            .saturating_sub(u32::try_from(blank).unwrap_or(u32::MAX))
            .max(1);
        let numbered = (first..).zip(value.lines());
        numbered
            .map(|(number, line)| (self.place(number, line).unwrap_or(at), line.to_owned()))
            .collect()
    }

    fn place(&mut self, number: u32, line: &str) -> Option<Position> {
        let before = self.line(number)?.strip_suffix(line)?;
        Some(Position::new(number, 1).right(before.chars().count()))
    }

    fn line(&mut self, number: u32) -> Option<&'a str> {
        if number < self.line {
            (self.line, self.offset) = (1, 0);
        }
        while self.line < number {
            self.offset += self.text[self.offset..].find('\n')? + 1;
            self.line += 1;
        }
        self.text[self.offset..].lines().next()
    }
}
