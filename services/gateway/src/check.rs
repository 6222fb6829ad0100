//! `gateway check [FOLDER]`: what the gateway would say to these route files, before it meets them.

use crate::routes;
use std::path::Path;

/// Looks at the route files of a folder: `services` in the source tree.
pub fn check(arguments: &[String]) -> Result<String, String> {
    let folder = match arguments {
        [] => "services",
        [folder] => folder,
        _ => return Err("usage: gateway check [FOLDER]".into()),
    };
    let mistakes = routes::check(Path::new(folder));
    if mistakes.is_empty() {
        return Ok(format!("{folder}: the route files fit together\n"));
    }
    let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    Err(lines.join("\n"))
}
