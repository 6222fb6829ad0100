//! Route files with whatever may stand in them.

use gateway::routes::{RouteError, Table, parse};
use proptest::prelude::*;
use std::path::Path;

/// Lines of route files, right and wrong.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[[route]]".to_owned()),
        Just("path = \"/api/v1/x\"".to_owned()),
        Just("auth = \"none\"".to_owned()),
        Just("openapi = false".to_owned()),
        "path = \"/[a-z{}*/.%]{0,12}\"",
        "methods = \\[\"(GET|POST|get|BREW)\"\\]",
        "auth = \"(none|required|maybe)\"",
        "timeout = \"[0-9smh.-]{0,5}\"",
        "body_limit = \"[0-9KMiB.-]{0,6}\"",
        "upgrade = (true|false|1)",
        "[a-z_]{1,8} = [\"\\[{0-9]{0,4}",
        ".{0,12}",
    ]
}

proptest! {
    /// Whatever a file holds: it becomes a table, or a message that names a line of it.
    #[test]
    fn a_file_is_read_or_refused_with_its_line(
        lines in proptest::collection::vec(line(), 0..12),
    ) {
        let text = lines.join("\n");
        let read = parse("any", Path::new("any.toml"), &text);
        let outcome = read.and_then(|file| Table::new(vec![file]));
        match outcome {
            Ok(_) => {}
            Err(RouteError::Malformed { origin, reason }) => {
                prop_assert!((1..=text.split('\n').count()).contains(&origin.line), "{text}");
                prop_assert!(!reason.is_empty());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
