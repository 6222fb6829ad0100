//! The little of `PromQL` that a lint needs: which metrics an expression asks for.

use std::collections::BTreeSet;

/// What stands between operands.
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];
/// What is followed by labels in parentheses.
const GROUPING: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

/// The names of the series that an expression reads.
pub(super) fn metrics(expr: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expr;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if !is_word(first) {
            rest = match first {
                '"' => after(&rest[1..], '"'),
                '{' => after(rest, '}'),
                '[' => after(rest, ']'),
                _ => &rest[first.len_utf8()..],
            };
            continue;
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let is_called = tail.trim_start().starts_with('(');
        // `sum by (queue) (...)`
        let aggregates = ["by ", "by(", "without ", "without("]
            .iter()
            .any(|next| tail.trim_start().starts_with(next));
        rest = if GROUPING.contains(&word) && is_called {
            after(tail, ')')
        } else {
            tail
        };
        let is_name = !first.is_ascii_digit() && !OPERATORS.contains(&word);
        if is_name && !is_called && !aggregates && !GROUPING.contains(&word) {
            found.insert(word.to_owned());
        }
    }
    found
}

/// What comes after a character; nothing if it does not come.
fn after(text: &str, end: char) -> &str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_labels_ranges_and_numbers_are_no_metrics() {
        let expr = r#"histogram_quantile(0.99, sum by (le, route) (
            rate(http_seconds_bucket{service="stub", route=~"/a|/b"}[5m]))) > 1e3
            and sum without (kind) (queue_jobs_ready) unless on (queue) paused offset 5m"#;
        let found: Vec<_> = metrics(expr).into_iter().collect();
        assert_eq!(found, ["http_seconds_bucket", "paused", "queue_jobs_ready"]);
    }
}
