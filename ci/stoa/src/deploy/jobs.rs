//! Which services of a stack are jobs, and in which order they run.

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The label of a job that says in which wave it runs.
const ORDER: &str = "dev.stoa.order";

/// Whether a service runs to its end instead of for ever.
pub(super) fn is_job(entry: &Value) -> bool {
    let mode = entry["deploy"]["mode"].as_str();
    matches!(mode, Some("replicated-job" | "global-job"))
}

/// The document without its jobs.
pub(super) fn without(document: &Value) -> Value {
    keep(document, |entry| !is_job(entry))
}

/// The jobs of a document, a document for each wave, in order.
pub(super) fn waves(document: &Value) -> anyhow::Result<Vec<Value>> {
    let mut orders = BTreeSet::new();
    for (name, entry) in services(document) {
        if is_job(entry) {
            let order = order(entry).with_context(|| format!("`{name}`"))?;
            orders.insert(order);
        }
    }
    let wave = |wanted: i64| {
        keep(document, move |entry| {
            is_job(entry) && order(entry).is_ok_and(|order| order == wanted)
        })
    };
    Ok(orders.into_iter().map(wave).collect())
}

/// The names of the services of a document.
pub(super) fn names(document: &Value) -> Vec<String> {
    services(document).map(|(name, _)| name.clone()).collect()
}

/// The document with one of its services alone.
pub(super) fn only(document: &Value, name: &str) -> Value {
    let mut only = document.clone();
    only["services"] = json!({ name: document["services"][name] });
    only
}

fn order(entry: &Value) -> anyhow::Result<i64> {
    let labels = &entry["deploy"]["labels"];
    let given = match labels {
        Value::Array(lines) => lines
            .iter()
            .filter_map(Value::as_str)
            .find_map(|line| line.strip_prefix(ORDER)?.strip_prefix('='))
            .map(str::to_owned),
        labels => match &labels[ORDER] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        },
    };
    match given {
        None => Ok(1),
        Some(text) => text
            .parse()
            .with_context(|| format!("{ORDER} is a number, not `{text}`")),
    }
}

fn services(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let services = document["services"].as_object();
    services.into_iter().flatten()
}

fn keep(document: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut document = document.clone();
    if let Some(services) = document["services"].as_object_mut() {
        *services = std::mem::take(services)
            .into_iter()
            .filter(|(_, entry)| wanted(entry))
            .collect::<Map<_, _>>();
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_run_in_the_order_of_their_label_and_the_rest_runs_without_them() {
        let job = |order: &str| json!({"deploy": {"mode": "replicated-job", "labels": {"dev.stoa.order": order}}});
        let document = json!({"services": {
            "api": {"image": "a"},
            "late": job("2"),
            "early": {"deploy": {"mode": "replicated-job"}},
            "early-too": job("1"),
        }});
        let waves = waves(&document).unwrap();
        let waves: Vec<_> = waves.iter().map(names).collect();
        assert_eq!(waves, [vec!["early", "early-too"], vec!["late"]]);
        assert_eq!(names(&without(&document)), ["api"]);
    }

    #[test]
    fn an_order_that_is_no_number_is_refused_with_the_service() {
        let document = json!({"services": {"x": {"deploy": {
            "mode": "replicated-job", "labels": ["dev.stoa.order=first"]
        }}}});
        let error = format!("{:#}", waves(&document).unwrap_err());
        assert!(error.contains('x') && error.contains("first"), "{error}");
    }
}
