//! The alert rules of the services, found by their folders, for the Prometheus of a stack that asks for them:
//! `x-alerts: {service: prometheus, folder: /etc/prometheus/rules}`.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Where the rules go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerts {
    /// Who reads them.
    service: String,
    /// Where in its container.
    folder: String,
}

/// Adds a config for every `services/<name>/alerts.yml`, if the stack asks for them.
pub(super) fn add(root: &Path, stack: &mut Map<String, Value>) -> anyhow::Result<()> {
    let Some(asked) = stack.remove("x-alerts") else {
        return Ok(());
    };
    let alerts: Alerts = serde_json::from_value(asked).context("`x-alerts`")?;
    for compose in super::compose_files(root)? {
        let rules = compose.with_file_name("alerts.yml");
        let name = compose
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        let (true, Some(name)) = (rules.is_file(), name) else {
            continue;
        };
        let source = format!("alerts-{name}");
        let file = format!("../../services/{name}/alerts.yml");
        let target = format!("{}/{name}.yml", alerts.folder);
        let place = || format!("`x-alerts` names `{}`, which is not there", alerts.service);
        list(stack, ["services", &alerts.service, "configs"])
            .with_context(place)?
            .push(json!({ "source": source, "target": target }));
        let configs = stack.entry("configs").or_insert_with(|| json!({}));
        configs[source.as_str()] = json!({ "file": file });
    }
    Ok(())
}

/// The list at a path, whose last key may be missing.
fn list<'v>(stack: &'v mut Map<String, Value>, path: [&str; 3]) -> Option<&'v mut Vec<Value>> {
    let service = stack.get_mut(path[0])?.get_mut(path[1])?.as_object_mut()?;
    service
        .entry(path[2])
        .or_insert_with(|| json!([]))
        .as_array_mut()
}
