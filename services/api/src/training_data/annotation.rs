//! Rasa's notation for entities in an utterance: `[text](entity)`, `[text](entity:value)`,
//! `[text]{"entity": "..", "role": "..", "value": ".."}`.
//!
//! Rasa knows no escape; a backslash before a bracket takes its meaning away here, and doubles
//! itself there, so that every text can be written.

use serde_json::{Map, Value as Json};
use stoa_contracts::training_data::{EntityAnnotation, Example};

/// An utterance as it was annotated.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Annotated {
    /// The utterance without its annotations.
    pub(super) text: String,
    /// The entities.
    pub(super) entities: Vec<EntityAnnotation>,
    /// Keys of annotations that are not kept, such as Rasa's `group`, each with its place.
    pub(super) ignored: Vec<(usize, String)>,
}

/// Entities that one utterance is read with; the check of all formats is in `collect`.
const ENTITIES_READ: usize = 100;

/// What is wrong with an annotation, and how many characters stand before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AnnotationError {
    pub(super) column: usize,
    pub(super) message: String,
}

/// Reads an annotated utterance.
pub(super) fn parse(line: &str) -> Result<Annotated, AnnotationError> {
    let mut read = Annotated::default();
    let mut length = 0;
    let mut rest = line;
    // Where the brackets that open nothing end: found once for all of them, or a line of brackets takes for ever.
    let mut barren = line.len();
    while let Some(found) = rest.find('[') {
        let (before, after) = rest.split_at(found);
        let slashes = before.len() - before.trim_end_matches('\\').len();
        let plain = &before[..before.len() - slashes.div_ceil(2)];
        push(&mut read.text, &mut length, plain);
        let annotation = if slashes % 2 == 1 || after.len() > barren {
            None
        } else {
            span(after).map_err(|closed| barren = closed.len()).ok()
        };
        let Some((surface, notation)) = annotation else {
            push(&mut read.text, &mut length, "[");
            rest = &after[1..];
            continue;
        };
        let offset = line.len() - notation.len();
        let wrong = |message: String| AnnotationError {
            column: line[..offset].chars().count(),
            message,
        };
        if read.entities.len() == ENTITIES_READ {
            return Err(wrong(format!(
                "an utterance has at most {ENTITIES_READ} entities"
            )));
        }
        let start = length;
        push(&mut read.text, &mut length, &surface);
        let (labels, used) = labels(notation).map_err(&wrong)?;
        let column = line[..offset].chars().count();
        let mut labels = labels.into_iter();
        if let Some(label) = labels.next() {
            read.ignored
                .extend(label.ignored.into_iter().map(|key| (column, key)));
            read.entities.push(EntityAnnotation {
                start,
                end: length,
                ..label.entity
            });
        }
        read.ignored
            .extend(labels.map(|label| (column, format!("second entity {}", label.entity.entity))));
        rest = &notation[used..];
    }
    push(&mut read.text, &mut length, rest);
    Ok(read)
}

fn push(text: &mut String, length: &mut usize, more: &str) {
    text.push_str(more);
    *length += more.chars().count();
}

/// The surface between the brackets and what follows, if a label follows; else what follows the bracket that closes the
/// first one and every other one before it.
fn span(text: &str) -> Result<(String, &str), &str> {
    let mut surface = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if matches!(characters.peek(), Some((_, '\\' | ']'))) => {
                surface.push(characters.next().expect("it was peeked at").1);
            }
            ']' => {
                let after = &text[at + 1..];
                let labelled = after.starts_with(['(', '{']) || after.starts_with("[{");
                if labelled && !surface.is_empty() {
                    return Ok((surface, after));
                }
                return Err(after);
            }
            other => surface.push(other),
        }
    }
    Err("")
}

struct Label {
    entity: EntityAnnotation,
    ignored: Vec<String>,
}

/// The labels behind a surface, and how many bytes they take.
fn labels(notation: &str) -> Result<(Vec<Label>, usize), String> {
    if notation.starts_with('(') {
        return short_label(notation).map(|(label, used)| (vec![label], used));
    }
    let mut values = serde_json::Deserializer::from_str(notation).into_iter::<Json>();
    let value = values.next().expect("a bracket stands there");
    let value = value.map_err(|error| {
        let message = error.to_string();
        let told = message.split(" at line ").next().unwrap_or_default();
        format!("the annotation is not valid JSON: {told}")
    })?;
    let used = values.byte_offset();
    let maps = match value {
        Json::Object(map) => vec![Json::Object(map)],
        Json::Array(maps) => maps,
        _ => Vec::new(),
    };
    let labels = maps.into_iter().map(|map| match map {
        Json::Object(map) => long_label(map),
        _ => Err("an annotation is a mapping with the key `entity`".to_owned()),
    });
    Ok((labels.collect::<Result<_, _>>()?, used))
}

fn short_label(notation: &str) -> Result<(Label, usize), String> {
    let end = notation
        .find(')')
        .ok_or("the annotation is not closed by `)`")?;
    let inner = &notation[1..end];
    let (entity, value) = match inner.split_once(':') {
        Some((entity, value)) => (entity, Some(value.trim().to_owned())),
        None => (inner, None),
    };
    if entity.trim().is_empty() {
        return Err("the annotation names no entity".to_owned());
    }
    let label = Label {
        entity: EntityAnnotation {
            value,
            ..annotation(entity.trim().to_owned())
        },
        ignored: vec![],
    };
    Ok((label, end + 1))
}

fn long_label(mut map: Map<String, Json>) -> Result<Label, String> {
    let mut take = |key: &str| match map.remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(Json::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("`{key}` of the annotation is not text")),
    };
    let entity = take("entity")?.ok_or("the annotation has no `entity`")?;
    let entity = EntityAnnotation {
        role: take("role")?,
        group: take("group")?,
        value: take("value")?,
        ..annotation(entity)
    };
    Ok(Label {
        entity,
        ignored: map.into_iter().map(|(key, _)| key).collect(),
    })
}

fn annotation(entity: String) -> EntityAnnotation {
    EntityAnnotation {
        start: 0,
        end: 0,
        entity,
        role: None,
        group: None,
        value: None,
    }
}

/// Writes an annotated utterance; backslashes only where the text would be misread.
pub(super) fn render(example: &Example) -> String {
    let plain = rendered(example, false);
    let same = parse(&plain)
        .is_ok_and(|read| read.text == example.text && read.entities == example.entities);
    if same { plain } else { rendered(example, true) }
}

fn rendered(example: &Example, escape: bool) -> String {
    let characters: Vec<char> = example.text.chars().collect();
    let piece = |from: usize, to: usize| characters[from..to].iter().collect::<String>();
    let mut line = String::new();
    let mut at = 0;
    for entity in &example.entities {
        let before = piece(at, entity.start);
        line.push_str(&if escape {
            escaped(&before, true)
        } else {
            before
        });
        let surface = piece(entity.start, entity.end);
        let surface = if escape {
            surface.replace('\\', r"\\").replace(']', r"\]")
        } else {
            surface
        };
        line.extend(["[", &surface, "]", &label(entity)]);
        at = entity.end;
    }
    let after = piece(at, characters.len());
    line + &if escape {
        escaped(&after, false)
    } else {
        after
    }
}

/// Backslashes before a bracket doubled, the bracket itself escaped; at the end doubled only if
/// an entity's bracket follows.
fn escaped(text: &str, entity_follows: bool) -> String {
    let mut line = String::new();
    let mut pieces = text.split('[').peekable();
    while let Some(piece) = pieces.next() {
        let bare = piece.trim_end_matches('\\');
        let slashes = piece.len() - bare.len();
        let bracket = pieces.peek().is_some();
        let times = if bracket || entity_follows { 2 } else { 1 };
        line.push_str(bare);
        line.push_str(&"\\".repeat(times * slashes));
        if bracket {
            line.push_str("\\[");
        }
    }
    line
}

fn label(entity: &EntityAnnotation) -> String {
    let simple = |c: char| c.is_alphanumeric() || "_-./ ".contains(c);
    let more = [
        ("role", &entity.role),
        ("group", &entity.group),
        ("value", &entity.value),
    ];
    let more = more
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_deref()?)));
    let keys: Vec<_> = std::iter::once(("entity", entity.entity.as_str()))
        .chain(more)
        .map(|(key, value)| format!("\"{key}\": {}", Json::from(value)))
        .collect();
    if let [_] = keys[..]
        && entity.entity.chars().all(simple)
    {
        return format!("({})", entity.entity);
    }
    format!("{{{}}}", keys.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(start: usize, end: usize, name: &str) -> EntityAnnotation {
        EntityAnnotation {
            start,
            end,
            ..annotation(name.to_owned())
        }
    }

    #[test]
    fn every_notation_is_read() {
        let read = parse(
            r#"from [Köln](city) to [NYC]{"entity": "city", "role": "to", "group": "1", "value": "New York"} on [2](day:02)"#,
        )
        .unwrap();
        assert_eq!(read.text, "from Köln to NYC on 2");
        let expected = [
            entity(5, 9, "city"),
            EntityAnnotation {
                role: Some("to".to_owned()),
                group: Some("1".to_owned()),
                value: Some("New York".to_owned()),
                ..entity(13, 16, "city")
            },
            EntityAnnotation {
                value: Some("02".to_owned()),
                ..entity(20, 21, "day")
            },
        ];
        assert_eq!(read.entities, expected);
    }

    #[test]
    fn brackets_without_a_label_are_text() {
        let read = parse("a [note] and [x").unwrap();
        assert_eq!(
            (read.text.as_str(), read.entities.len()),
            ("a [note] and [x", 0)
        );
    }

    #[test]
    fn a_line_of_brackets_is_read_once() {
        let line = format!("{}] [a](b)", "[".repeat(1 << 20));
        let read = parse(&line).unwrap();
        assert_eq!(read.text.len(), (1 << 20) + 3);
        assert_eq!(read.entities.len(), 1);
        let many = "[a](b) ".repeat(1 << 17);
        let message = parse(&many).unwrap_err().message;
        assert_eq!(message, "an utterance has at most 100 entities");
    }

    #[test]
    fn a_backslash_takes_the_meaning_of_a_bracket_away() {
        assert_eq!(
            parse(r"see \[this](link)").unwrap().text,
            "see [this](link)"
        );
        let read = parse(r"see \\[this](link)").unwrap();
        assert_eq!((read.text.as_str(), read.entities.len()), (r"see \this", 1));
        assert_eq!(parse(r"C:\dir").unwrap().text, r"C:\dir");
    }

    #[test]
    fn a_broken_annotation_says_where() {
        let error = parse(r#"to [Rome]{"entity": }"#).unwrap_err();
        assert_eq!(error.column, 9);
        assert!(
            error.message.contains("not valid JSON"),
            "{}",
            error.message
        );
        assert_eq!(parse("to [Rome](city").unwrap_err().column, 9);
        assert!(
            parse(r#"to [Rome]{"role": "x"}"#)
                .unwrap_err()
                .message
                .contains("no `entity`")
        );
    }

    #[test]
    fn keys_that_are_not_kept_are_named() {
        let read = parse(r#"[a]{"entity": "e", "colour": "red"}"#).unwrap();
        assert_eq!(read.ignored, [(3, "colour".to_owned())]);
    }

    #[test]
    fn a_text_without_brackets_is_written_as_it_is() {
        let example = Example {
            text: r"C:\ is full".to_owned(),
            intent: None,
            ..Example::default()
        };
        assert_eq!(render(&example), r"C:\ is full");
    }
}
