//! What is wrong with a document: every finding with its place, up to a bound.

use stoa_contracts::{Coded, ErrorCode, FieldError, Problem};

use super::Position;

/// Findings told in one answer; an author mends these and sends the document again.
const TOLD: usize = 50;
/// Characters of a message: it may repeat a name that the author has made very long.
const MESSAGE: usize = 500;

/// A finding at a place.
pub fn finding(at: Position, message: impl Into<String>) -> FieldError {
    let mut message = message.into();
    if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    FieldError {
        pointer: None,
        line: Some(at.line.into()),
        column: Some(at.column.into()),
        message,
    }
}

/// Why a document is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not a document of its format; nothing behind this place was read.
    #[error("the document is malformed: {}", .0.message)]
    Syntax(FieldError),
    /// It is well-formed, but what it says is not allowed.
    #[error("{} things in the document are not allowed", .0.total())]
    Content(Findings),
}

impl Coded for DocumentError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Invalid
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Syntax(finding) => {
                let detail = format!("The document is malformed: {}.", place(finding));
                Problem::new(self.code(), detail)
                    .with_status(400)
                    .with_errors(vec![finding.clone()])
            }
            Self::Content(findings) => {
                Problem::new(self.code(), findings.summary()).with_errors(findings.told.clone())
            }
        }
    }
}

fn place(finding: &FieldError) -> String {
    match (finding.line, finding.column) {
        (Some(line), Some(column)) => {
            format!(
                "{} (line {line}, column {column})",
                finding.message.trim_end_matches('.')
            )
        }
        _ => finding.message.trim_end_matches('.').to_owned(),
    }
}

/// The findings about one document: the first of them, and how many there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    told: Vec<FieldError>,
    total: usize,
}

impl Findings {
    /// Adds a finding at a place.
    pub fn add(&mut self, at: Position, message: impl Into<String>) {
        self.push(finding(at, message));
    }

    /// Adds a finding; beyond the bound it is counted only.
    pub fn push(&mut self, finding: FieldError) {
        self.total += 1;
        if self.told.len() < TOLD {
            self.told.push(finding);
        }
    }

    /// How many findings there were, told or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The findings that are told.
    pub fn told(&self) -> &[FieldError] {
        &self.told
    }

    fn summary(&self) -> String {
        match (self.total, self.told.len()) {
            (1, _) => "One thing in the document is wrong.".to_owned(),
            (total, told) if total > told => {
                format!("{total} things in the document are wrong; here are the first {told}.")
            }
            (total, _) => format!("{total} things in the document are wrong."),
        }
    }

    /// Nothing if nothing is wrong, the findings as an error otherwise.
    pub fn into_result(self) -> Result<(), DocumentError> {
        if self.total == 0 {
            Ok(())
        } else {
            Err(DocumentError::Content(self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_bound_are_counted_but_not_held() {
        let mut findings = Findings::default();
        for line in 1..=1000 {
            findings.add(Position::new(line, 1), "wrong");
        }
        let problem = findings.into_result().unwrap_err().problem();
        assert_eq!(problem.errors.len(), TOLD);
        assert_eq!(
            problem.detail,
            "1000 things in the document are wrong; here are the first 50."
        );
        assert_eq!(problem.status, 422);
    }

    #[test]
    fn a_syntax_problem_tells_the_place_in_words_too() {
        let error = DocumentError::Syntax(finding(Position::new(3, 7), "expected a comma"));
        let problem = error.problem();
        assert_eq!(problem.status, 400);
        assert_eq!(
            problem.detail,
            "The document is malformed: expected a comma (line 3, column 7)."
        );
    }
}
