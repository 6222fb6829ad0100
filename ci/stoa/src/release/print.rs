//! Releases for people to read.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::diff::short;
use super::{Outcome, Release, Summary, live_number, record};

/// Of the names in front of what `show` says of a release.
const WIDTH: usize = 11;

/// Each line with its end.
pub(super) fn lines<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The table of a history; `listed` may be a part of `all`.
pub(super) fn table(listed: &[Summary], all: &[Summary], is_locked: bool) -> String {
    let mut rows = vec![
        [
            "",
            "number",
            "when (UTC)",
            "what",
            "version",
            "by",
            "result",
            "took",
        ]
        .map(str::to_owned),
    ];
    let live = live_number(all);
    let newest = all.first().map(|summary| summary.number);
    for summary in listed {
        let is_running = is_locked && Some(summary.number) == newest;
        let mark = if live == Some(summary.number) {
            "live"
        } else {
            ""
        };
        rows.push([
            mark.to_owned(),
            summary.number.to_string(),
            minute(&summary.at),
            summary.what.clone(),
            short(&summary.version).to_owned(),
            summary.by.clone(),
            result(summary, is_running).to_owned(),
            summary.seconds.map_or_else(String::new, took),
        ]);
    }
    aligned(&rows)
}

/// All that there is to know of a release.
pub(super) fn whole(release: &Release, outcome: Option<&Outcome>, is_live: bool) -> String {
    let mut text = String::new();
    let mark = if is_live { " (live)" } else { "" };
    let mut line = |key: &str, value: &str| {
        text.push_str(
            &[
                key,
                &" ".repeat(WIDTH.saturating_sub(key.len())),
                value,
                "\n",
            ]
            .concat(),
        );
    };
    line("release", &format!("{}{mark}", release.number));
    line("what", &record::what(release.kind));
    line("version", &release.version);
    line("by", &release.by);
    line("pipeline", release.pipeline.as_deref().unwrap_or("none"));
    line("at", &release.at.format(&Rfc3339).unwrap_or_default());
    line(
        "previous",
        &release
            .previous
            .map_or_else(|| "none".into(), |number| number.to_string()),
    );
    match outcome {
        Some(outcome) => {
            line("result", outcome.result.name());
            line("took", &took(outcome.seconds));
            if let Some(cause) = &outcome.cause {
                line("cause", &cause.replace('\n', "\n           "));
            }
        }
        None => line("result", "none"),
    }
    section(&mut text, "changes", &release.changes);
    let migrations = release.migrations.iter();
    let migrations: Vec<String> = migrations
        .map(|(service, at)| format!("{service} {}", at.level))
        .collect();
    section(&mut text, "migrations", &migrations);
    section(&mut text, "images", &images(release));
    section(&mut text, "configs", &release.configs);
    section(&mut text, "secrets", &release.secrets);
    text
}

fn images(release: &Release) -> Vec<String> {
    let services = release
        .stacks
        .iter()
        .filter_map(|stack| stack.document["services"].as_object());
    let images = services
        .flatten()
        .filter_map(|(name, service)| Some((name, service["image"].as_str()?)));
    images
        .map(|(name, image)| format!("{name} {image}"))
        .collect()
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(title);
    text.push('\n');
    for line in lines {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
}

fn result(summary: &Summary, is_running: bool) -> &'static str {
    match summary.result {
        Some(result) => result.name(),
        None if is_running => "running",
        None => "none",
    }
}

fn minute(at: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let parsed = OffsetDateTime::parse(at, &Rfc3339).ok();
    let shown = parsed.and_then(|at| at.to_offset(UtcOffset::UTC).format(format).ok());
    shown.unwrap_or_else(|| at.to_owned())
}

fn took(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds:02}s"),
    }
}

fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, ResultKind, SCHEMA, sample};
    use super::*;

    fn summary(number: u64, result: Option<ResultKind>) -> Summary {
        Summary {
            number,
            at: "2026-11-24T10:30:12+02:00".into(),
            what: "deploy".into(),
            version: format!("{number:040}"),
            by: "alice".into(),
            result,
            seconds: result.map(|_| 75),
        }
    }

    #[test]
    fn a_history_marks_the_live_release() {
        let all = [
            summary(12, None),
            summary(11, Some(ResultKind::PutBack)),
            summary(10, Some(ResultKind::Succeeded)),
        ];
        assert_eq!(
            table(&all, &all, true),
            "      number  when (UTC)        what    version  by     result     took\n\
             \x20     12      2026-11-24 08:30  deploy  0000000  alice  running\n\
             \x20     11      2026-11-24 08:30  deploy  0000000  alice  put back   1m15s\n\
             live  10      2026-11-24 08:30  deploy  0000000  alice  succeeded  1m15s\n"
        );
    }

    #[test]
    fn an_attempt_without_result_and_lock_is_not_called_running() {
        let all = [summary(12, None)];
        assert!(table(&all, &all, false).ends_with("none\n"));
    }

    #[test]
    fn a_release_is_shown_whole() {
        let outcome = Outcome {
            schema: SCHEMA,
            result: ResultKind::Failed,
            cause: Some("api does not get healthy".into()),
            seconds: 59,
        };
        let text = whole(&sample(7, Kind::Rollback { to: 3 }), Some(&outcome), false);
        for part in [
            "release    7\n",
            "rollback to 3",
            "api does not get healthy",
            "59s",
            "redis_url-0123456789ab",
            "sha256:",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
