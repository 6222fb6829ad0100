//! CSV: a header `text,intent` and a row for each utterance; an empty intent is out of scope.

use stoa_contracts::training_data::{Example, Hint, TrainingData};

use super::collect::Collector;
use crate::document::{DocumentError, Position, finding};

const HEADER: [&str; 2] = ["text", "intent"];
/// Columns of a record that are looked at: two are right, and the `csv` crate takes 8 bytes, three times, for each there is.
const COLUMNS: usize = 100;

/// Reads CSV by RFC 4180.
pub(super) fn read(text: &str) -> Result<(TrainingData, Vec<Hint>), DocumentError> {
    check_records(text)?;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| malformed(&error))?.clone();
    let mut names: Vec<&str> = header.iter().map(str::trim).collect();
    let swapped = names == ["intent", "text"];
    names.sort_unstable_by(|a, b| b.cmp(a));
    if names != HEADER {
        let semicolons = if text.lines().next().is_some_and(|line| line.contains(';')) {
            "; columns are separated by commas, not semicolons"
        } else {
            ""
        };
        let message = format!("the first line names the columns: `text,intent`{semicolons}");
        return Err(DocumentError::Syntax(finding(Position::new(1, 1), message)));
    }
    let mut collector = Collector::default();
    let mut lines = Lines::of(text);
    for record in reader.records() {
        let record = record.map_err(|error| malformed(&error))?;
        let at = Position::new(lines.of_record(&record), 1);
        row(&mut collector, &record, (at, swapped));
    }
    collector.finish()
}

/// Counts lines. The reader's own count is taken where it stopped, before the rest of a line end and before empty lines.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    const fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    /// The line of a record, of which none comes before the last one that was asked for.
    fn of_record(&mut self, record: &csv::StringRecord) -> u32 {
        let stopped = record.position().map_or(0, csv::Position::byte);
        let stopped = usize::try_from(stopped).unwrap_or(self.text.len());
        let rest = self.text.get(stopped..).unwrap_or_default();
        let start = self.text.len() - rest.trim_start_matches(['\r', '\n']).len();
        let passed = self.text.get(self.at..start).unwrap_or_default();
        let passed = passed.matches('\n').count();
        self.line = self
            .line
            .saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
        self.at = start;
        self.line
    }
}

fn row(collector: &mut Collector, record: &csv::StringRecord, (at, swapped): (Position, bool)) {
    if record.len() != HEADER.len() {
        let columns = record.len();
        collector.wrong(
            at,
            format!("expected 2 columns, found {columns}; quote a text that has commas"),
        );
        return;
    }
    let (text, intent) = if swapped {
        (&record[1], &record[0])
    } else {
        (&record[0], &record[1])
    };
    let intent = Some(intent.trim())
        .filter(|intent| !intent.is_empty())
        .map(str::to_owned);
    collector.example(
        at,
        Example {
            text: text.to_owned(),
            intent,
            ..Example::default()
        },
    );
}

fn malformed(error: &csv::Error) -> DocumentError {
    let line = error.position().map_or(1, csv::Position::line);
    let at = Position::new(u32::try_from(line).unwrap_or(u32::MAX), 1);
    DocumentError::Syntax(finding(at, error.to_string()))
}

/// Writes texts and intents; what else the data holds has no place in a table.
pub(super) fn write(data: &TrainingData) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(HEADER)
        .expect("memory takes every write");
    for example in &data.examples {
        let intent = example.intent.as_deref().unwrap_or_default();
        writer
            .write_record([&example.text, intent])
            .expect("memory takes every write");
    }
    writer.into_inner().expect("memory takes every write")
}

/// Where the reader of `check_records` stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Bare,
    Quoted,
    QuoteInQuoted,
}

/// Refuses a quote that is not closed, or is followed by more text: the `csv` crate forgives
/// both, and would take the rest of the file for one utterance. So is a record of very many columns, before they take memory.
fn check_records(text: &str) -> Result<(), DocumentError> {
    let syntax = |at, message| Err(DocumentError::Syntax(finding(at, message)));
    let mut at = Position::new(1, 1);
    let mut opened = at;
    let mut state = State::FieldStart;
    let mut columns = 1;
    for character in text.chars() {
        match character {
            ',' if state != State::Quoted => columns += 1,
            '\n' | '\r' if state != State::Quoted => columns = 1,
            _ => {}
        }
        if columns > COLUMNS {
            let message =
                "more than 100 columns, where 2 are expected; quote a text that has commas";
            return syntax(at, message);
        }
        state = match (state, character) {
            (State::FieldStart, '"') => {
                opened = at;
                State::Quoted
            }
            (State::Quoted, '"') => State::QuoteInQuoted,
            (State::Quoted, _) | (State::QuoteInQuoted, '"') => State::Quoted,
            (_, ',' | '\n' | '\r') => State::FieldStart,
            (State::QuoteInQuoted, _) => {
                return syntax(
                    at,
                    "text after a closing quote; write a quote in a text as `\"\"`",
                );
            }
            _ => State::Bare,
        };
        at = if character == '\n' {
            Position::new(at.line + 1, 1)
        } else {
            at.right(1)
        };
    }
    if state == State::Quoted {
        return syntax(opened, "this quote is not closed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> (u64, u64, String) {
        let found = match read(text).unwrap_err() {
            DocumentError::Syntax(found) => found,
            DocumentError::Content(findings) => findings.told()[0].clone(),
        };
        (found.line.unwrap(), found.column.unwrap(), found.message)
    }

    #[test]
    fn texts_with_commas_quotes_and_lines_are_read() {
        let (data, _) = read("text,intent\r\n\"a, \"\"b\"\"\nc\",greet\r\nplain,\r\n").unwrap();
        assert_eq!(data.examples[0].text, "a, \"b\"\nc");
        assert_eq!(data.examples[0].intent.as_deref(), Some("greet"));
        assert_eq!(data.examples[1].intent, None);
    }

    #[test]
    fn columns_may_stand_the_other_way_round() {
        let (data, _) = read("intent,text\ngreet,hi\n").unwrap();
        assert_eq!(data.examples[0].text, "hi");
    }

    #[test]
    fn faults_are_told_by_line_and_column() {
        assert_eq!(
            place("text,intent\nhi,\"gr\nx,y\n"),
            (2, 4, "this quote is not closed".into())
        );
        assert_eq!(place("text,intent\n\"a\"b,c\n").0, 2);
        assert_eq!(place("text,intent\n\"a\"b,c\n").1, 4);
        assert_eq!(place("text;intent\n").0, 1);
        assert!(place("text;intent\n").2.contains("semicolons"));
        let (line, _, message) = place("text,intent\nok,x\na,b,c\n");
        assert_eq!(line, 3);
        assert!(message.contains("found 3"), "{message}");
        assert_eq!(place("text,intent\nok,x\n\" \",y\n").0, 3);
        assert_eq!(place("text,intent\r\nok,x\r\n\" \",y\r\n").0, 3);
        assert_eq!(place("text,intent\n\n\n\" \",y\n").0, 4);
        assert_eq!(place("text,intent\n\"a\r\nb\",x\n\r\n\" \",y\n").0, 5);
    }

    #[test]
    fn a_record_of_very_many_columns_is_refused_before_it_is_split() {
        let told = "more than 100 columns, where 2 are expected; quote a text that has commas";
        assert_eq!(place(&",".repeat(5 << 20)), (1, 100, told.into()));
        let row = format!("text,intent\nok,x\n{}", ",".repeat(5 << 20));
        assert_eq!(place(&row), (3, 100, told.into()));
        let many = "\"a,b\",x\n".repeat(200);
        assert!(read(&format!("text,intent\n{many}")).is_ok());
        assert!(read(&format!("text,intent\n\"{}\",x\n", "a,".repeat(200))).is_ok());
    }

    #[test]
    fn an_empty_file_is_refused() {
        assert_eq!(
            place("").2,
            "the first line names the columns: `text,intent`"
        );
    }
}
