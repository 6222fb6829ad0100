//! Reading bytes into a tree, with bounds on what a document may cost.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::IgnoredAny;
use serde_saphyr::{Error, Options, budget::BudgetBreach};

use super::{DocumentError, Findings, Node, Position, finding, keys::ShortKeys};

/// How much a document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One that is read within a request: 100,000 labelled utterances need 500,000 values; a tree of so many takes about
    /// 60 MB.
    Request,
    /// One that a job reads, one at a time: 100,000 utterances with an entity each need 1,500,000 values; a tree of so
    /// many takes about 120 MB.
    Job,
}

impl Size {
    /// Values in the document.
    const fn values(self) -> usize {
        match self {
            Self::Request => 700_000,
            Self::Job => 1_600_000,
        }
    }
}

/// Levels of nesting; training data needs 5, flows 10, and a level costs about 35 kB of stack.
const MAX_DEPTH: usize = 24;
/// Copies made by YAML aliases, which is how a small document becomes a large one.
const MAX_REPLAYED: usize = 20_000;
/// Characters of JSON that are written anew for YAML: ten in each of 100,000 utterances, which make a document 5 MB longer.
const MAX_ESCAPED: usize = 1_000_000;

/// The text of a body, or where it stops being UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<&str, DocumentError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let valid = std::str::from_utf8(valid).expect("valid up to there, says the decoder");
        syntax(end_of(valid), "this is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.find('\0') {
        Some(at) => Err(syntax(
            end_of(&text[..at]),
            "a NUL character is not allowed",
        )),
        None => Ok(text),
    }
}

/// Reads YAML.
pub fn read_yaml(text: &str, size: Size) -> Result<Node, DocumentError> {
    serde_saphyr::from_str_with_options(text, options(size)).map_err(|error| {
        let at = error.location().map_or(Position::new(1, 1), Position::from);
        syntax(at, &told(error.without_snippet(), size))
    })
}

/// Reads JSON.
pub fn read_json(text: &str, size: Size) -> Result<Node, DocumentError> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let (at, message) = told_by_json(&error);
        syntax(at, &message)
    })?;
    read_yaml(&escaped(text)?, size).map_err(|error| long_key(text).unwrap_or(error))
}

/// Why YAML's reader does not take what is JSON, if it is for a key.
fn long_key(json: &str) -> Option<DocumentError> {
    let error = serde_json::from_str::<ShortKeys>(json).err()?;
    let (at, message) = told_by_json(&error);
    let mut findings = Findings::default();
    findings.add(at, message);
    // It also gives up where the levels are too many, which the other reader says better.
    error.is_data().then_some(DocumentError::Content(findings))
}

fn told_by_json(error: &serde_json::Error) -> (Position, String) {
    let at = Position::new(clamp(error.line()), clamp(error.column()));
    let message = error.to_string();
    let told = message.split(" at line ").next().unwrap_or_default();
    (at, told.to_owned())
}

/// The same JSON without characters that YAML does not take as they are. In JSON they stand in strings only. What is behind
/// one on its line is told five columns further to the right. A document of very many is refused: it would be up to six
/// times as long.
fn escaped(text: &str) -> Result<Cow<'_, str>, DocumentError> {
    let is_raw = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    let (mut count, mut growth) = (0, 0);
    for (at, raw) in text.match_indices(is_raw) {
        count += 1;
        growth += "\\u0000".len() - raw.len();
        if count > MAX_ESCAPED {
            let message = format!(
                "more than {MAX_ESCAPED} control characters; write this one as `\\u{:04x}`",
                raw.chars().next().map_or(0, u32::from)
            );
            return Err(syntax(end_of(&text[..at]), &message));
        }
    }
    if count == 0 {
        return Ok(Cow::Borrowed(text));
    }
    let mut escaped = String::with_capacity(text.len() + growth);
    for c in text.chars() {
        if is_raw(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Ok(Cow::Owned(escaped))
}

fn syntax(at: Position, message: &str) -> DocumentError {
    DocumentError::Syntax(finding(at, message))
}

fn options(size: Size) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: size.values(),
            max_depth: MAX_DEPTH,
            max_events: 2 * size.values(),
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED,
        },
        // A key is limited to 1,024 characters by YAML; JSON's keys too, then.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn end_of(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position::new(clamp(line), clamp(column))
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).max(1)
}

/// The reader's message without its own place, and without advice to programmers.
fn told(error: &Error, size: Size) -> String {
    match error {
        Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => "a body holds one document".to_owned(),
        other if other.to_string().contains("ScalarBytes") => {
            "with what its aliases repeat, the document has more than 64 MiB of text".to_owned()
        }
        Error::Budget { .. } => {
            let values = size.values();
            format!("a document has at most {values} values in {MAX_DEPTH} levels")
        }
        other => {
            let message = other.to_string();
            let end = [" at line ", ", set ", "\n"]
                .iter()
                .filter_map(|cut| message.find(cut))
                .min();
            message[..end.unwrap_or(message.len())].to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::document::{Value, keys::LONGEST};

    fn read_yaml(text: &str) -> Result<Node, DocumentError> {
        super::read_yaml(text, Size::Request)
    }

    fn read_json(text: &str) -> Result<Node, DocumentError> {
        super::read_json(text, Size::Request)
    }

    #[test]
    fn every_value_knows_its_line_and_column() {
        let tree = read_yaml("a: 1\nlist:\n  - x\n  - key: true\n").unwrap();
        assert_eq!(tree.locate("/a"), Position::new(1, 4));
        assert_eq!(tree.locate("/list/0"), Position::new(3, 5));
        assert_eq!(tree.locate("/list/1/key"), Position::new(4, 10));
        assert_eq!(tree.get("list").unwrap().at, Position::new(2, 1));
    }

    #[test]
    fn json_is_read_with_positions_too() {
        let text = "{\n\t\"a\": [\"x\\u00e9\\/\\ud83d\\ude00\", 2.5, null],\n\t\"b\": \"yes\"\n}";
        let tree = read_json(text).unwrap();
        assert_eq!(tree.locate("/a/1"), Position::new(2, 33));
        let Value::List(items) = &tree.get("a").unwrap().value.value else {
            panic!("a list")
        };
        assert_eq!(items[0].value, Value::Text("xé/😀".to_owned()));
        assert_eq!(
            tree.get("b").unwrap().value.value,
            Value::Text("yes".to_owned())
        );
    }

    #[test]
    fn json_may_hold_characters_that_yaml_does_not_take() {
        let tree = read_json("[\"I\u{92}m \u{7f}\u{ffff}\"]").unwrap();
        let Value::List(items) = &tree.value else {
            panic!("a list")
        };
        assert_eq!(
            items[0].value,
            Value::Text("I\u{92}m \u{7f}\u{ffff}".to_owned())
        );
    }

    #[test]
    fn json_does_not_grow_without_bound_for_yaml() {
        let json = format!("[\"{}\"]", "\u{7f}".repeat(MAX_ESCAPED));
        let escaped = escaped(&json).unwrap();
        assert_eq!(escaped.len(), json.len() + 5 * MAX_ESCAPED);
        let json = format!("[\n\"{}\"]", "\u{7f}".repeat(MAX_ESCAPED + 1));
        let DocumentError::Syntax(found) = read_json(&json).unwrap_err() else {
            panic!("a syntax error")
        };
        assert_eq!((found.line, found.column), (Some(2), Some(1_000_002)));
        assert!(
            found.message.contains("write this one as `\\u007f`"),
            "{found:?}"
        );
    }

    #[test]
    fn yaml_does_not_pass_for_json() {
        let found = read_json("{\n  \"a\": yes }").unwrap_err();
        assert_eq!(found, syntax(Position::new(2, 8), "expected value"));
    }

    #[test]
    fn a_key_that_is_too_long_is_told_as_such() {
        let json = |length: usize| format!("{{\"a\": [\n{{\"{}\": 1}}]}}", "k".repeat(length));
        assert!(read_json(&json(LONGEST)).is_ok());
        let mut findings = Findings::default();
        findings.add(Position::new(2, 3_003), "a key has at most 1022 characters");
        let found = read_json(&json(3_000)).unwrap_err();
        assert_eq!(found, DocumentError::Content(findings));
    }

    #[test]
    fn a_syntax_error_says_where() {
        let DocumentError::Syntax(found) = read_yaml("a: 1\nb: [1, 2\nc: 3\n").unwrap_err() else {
            panic!("a syntax error")
        };
        assert!(found.line.unwrap() >= 2, "{found:?}");
        assert!(!found.message.is_empty());
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (at, name) in ('b'..='k').enumerate() {
            let before = char::from(b'a' + u8::try_from(at).unwrap());
            let list = vec![format!("*{before}"); 10].join(",");
            writeln!(bomb, "{name}: &{name} [{list}]").unwrap();
        }
        assert!(read_yaml(&bomb).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_without_a_crash() {
        assert!(read_yaml(&format!("{}{}", "[".repeat(20), "]".repeat(20))).is_ok());
        assert!(read_yaml(&"[".repeat(100_000)).is_err());
        assert!(read_json(&"[".repeat(100_000)).is_err());
        assert!(read_yaml(&"- ".repeat(100_000)).is_err());
    }

    #[test]
    fn messages_are_for_authors() {
        let message = |text: &str| match read_yaml(text).unwrap_err() {
            DocumentError::Syntax(found) => found.message,
            DocumentError::Content(_) => panic!("a syntax error"),
        };
        assert_eq!(message("a: \"x\n"), "unclosed quote");
        assert_eq!(message("a: 1\na: 2\n"), "duplicate mapping key: a");
        assert_eq!(message("a: 1\n---\nb: 2\n"), "a body holds one document");
        assert!(message(&format!("{}{}", "[".repeat(30), "]".repeat(30))).contains("24 levels"));
        assert!(message(&format!("[{}1]", "1,".repeat(800_000))).contains("700000 values"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_located() {
        let found = text_of(b"a: 1\nb: \xff\xfe").unwrap_err();
        assert_eq!(found, syntax(Position::new(2, 4), "this is not UTF-8"));
        let found = text_of(b"a\0b").unwrap_err();
        assert_eq!(
            found,
            syntax(Position::new(1, 2), "a NUL character is not allowed")
        );
    }
}
