//! Joins the documents of the services into one.

use crate::routes::{Auth, Table};
use http::Method;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The prefix of a reference to a schema.
const SCHEMA: &str = "#/components/schemas/";

/// The documents of the services, by name, as one.
///
/// Only what the routes make public gets in, with the authentication that they ask for.
pub fn merge(documents: Vec<(&str, Value)>, routes: &Table) -> Value {
    let mut merged = json!({
        "openapi": "3.1.0",
        "info": { "title": "Stoa", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "tags": [],
        "paths": {},
        "components": {},
    });
    for (service, mut document) in documents {
        let taken = clashes(&merged, &document);
        rename(&mut document, &taken, service);
        add_paths(&mut merged, &mut document, service, routes);
        add_components(&mut merged, &mut document, &taken, service);
        add_tags(&mut merged, &document);
    }
    merged["components"]["securitySchemes"] = json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token of `POST /api/v1/sessions`, or an API key.",
        },
    });
    merged
}

/// Schemas of the same name and another content than those that are there.
fn clashes(merged: &Value, document: &Value) -> BTreeSet<String> {
    let there = &merged["components"]["schemas"];
    let schemas = document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten();
    let clash = |(name, schema): &(&String, &Value)| {
        there
            .get(name.as_str())
            .is_some_and(|other| other != *schema)
    };
    schemas
        .filter(clash)
        .map(|(name, _)| name.clone())
        .collect()
}

/// The name of a schema that another service has in another meaning.
fn own_name(service: &str, name: &str) -> String {
    format!("{service}_{name}")
}

fn rename(value: &mut Value, taken: &BTreeSet<String>, service: &str) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let name = field.as_str().and_then(|text| text.strip_prefix(SCHEMA));
                match name.filter(|name| key == "$ref" && taken.contains(*name)) {
                    Some(name) => *field = format!("{SCHEMA}{}", own_name(service, name)).into(),
                    None => rename(field, taken, service),
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| rename(item, taken, service)),
        _ => {}
    }
}

fn add_paths(merged: &mut Value, document: &mut Value, service: &str, routes: &Table) {
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in std::mem::take(paths) {
        let Value::Object(item) = item else { continue };
        for (path, item) in public_items(&path, item, service, routes) {
            let there = &mut merged["paths"][&path];
            match there.as_object_mut() {
                Some(there) => there.extend(item),
                None => *there = item.into(),
            }
        }
    }
}

/// The operations of a path that the routes give to this service, under the paths by which they are reached.
fn public_items(
    path: &str,
    item: Map<String, Value>,
    service: &str,
    routes: &Table,
) -> BTreeMap<String, Map<String, Value>> {
    const OTHER_FIELDS: [&str; 4] = ["parameters", "servers", "summary", "description"];
    let is_other = |key: &String| OTHER_FIELDS.contains(&key.as_str());
    let (others, operations): (Map<_, _>, Map<_, _>) =
        item.into_iter().partition(|(key, _)| is_other(key));
    let mut items = BTreeMap::new();
    for (key, operation) in operations {
        let Ok(method) = key.to_uppercase().parse::<Method>() else {
            continue;
        };
        // A template is a path too: `{id}` is as good a segment as any.
        for (nth, (public, route)) in routes
            .public(service, &method, path)
            .into_iter()
            .enumerate()
        {
            let mut operation = operation.clone();
            if route.auth == Auth::None {
                operation["security"] = json!([]);
            }
            // An id stands for one operation.
            if nth > 0
                && let Some(operation) = operation.as_object_mut()
            {
                operation.remove("operationId");
            }
            declare_parameters(&mut operation, &others, &public);
            let item = items.entry(public).or_insert_with(|| others.clone());
            item.insert(key.clone(), operation);
        }
    }
    items
}

/// Adds the parameters of a path that the service does not know, as a route takes them out.
fn declare_parameters(operation: &mut Value, others: &Map<String, Value>, path: &str) {
    let declared = [operation.get("parameters"), others.get("parameters")];
    let declared = declared.into_iter().flatten().filter_map(Value::as_array);
    let declared: BTreeSet<_> = declared
        .flatten()
        .filter(|parameter| parameter["in"] == "path")
        .filter_map(|parameter| parameter["name"].as_str())
        .map(str::to_owned)
        .collect();
    let name = |segment: &str| Some(segment.strip_prefix('{')?.strip_suffix('}')?.to_owned());
    let missing: Vec<_> = path
        .split('/')
        .filter_map(name)
        .filter(|name| !declared.contains(name))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if missing.is_empty() {
        return;
    }
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.extend(missing),
        None => operation["parameters"] = missing.into(),
    }
}

fn add_components(
    merged: &mut Value,
    document: &mut Value,
    taken: &BTreeSet<String>,
    service: &str,
) {
    let Some(kinds) = document["components"].as_object_mut() else {
        return;
    };
    for (kind, components) in std::mem::take(kinds) {
        let Value::Object(components) = components else {
            continue;
        };
        let there = &mut merged["components"][&kind];
        for (name, component) in components {
            let clash = kind == "schemas" && taken.contains(&name);
            let name = if clash {
                own_name(service, &name)
            } else {
                name
            };
            if there.get(&name).is_none() {
                there[&name] = component;
            }
        }
    }
}

fn add_tags(merged: &mut Value, document: &Value) {
    let tags = document["tags"].as_array().into_iter().flatten();
    let Some(there) = merged["tags"].as_array_mut() else {
        return;
    };
    for tag in tags {
        if !there.iter().any(|other| other["name"] == tag["name"]) {
            there.push(tag.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::parse;

    fn routes(files: &[(&str, &str)]) -> Table {
        let parse = |(service, text): &(&str, &str)| parse(service, "routes".as_ref(), text);
        Table::new(files.iter().map(parse).collect::<Result<_, _>>().unwrap()).unwrap()
    }

    fn operation(schema: &str) -> Value {
        json!({ "responses": { "200": { "schema": { "$ref": format!("{SCHEMA}{schema}") } } } })
    }

    #[test]
    fn only_public_operations_get_in_each_from_its_own_service() {
        let table = routes(&[
            (
                "api",
                "[[route]]\npath = \"/a/{id}\"\nmethods = [\"GET\"]\nauth = \"none\"\n",
            ),
            (
                "nlu",
                "[[route]]\npath = \"/a/{x}\"\nmethods = [\"POST\"]\nauth = \"required\"\n",
            ),
        ]);
        let api = json!({ "paths": {
            "/a/{id}": { "get": operation("A"), "post": operation("A"), "parameters": [{ "name": "id", "in": "path" }] },
            "/internal/v1/a": { "get": operation("A") },
        } });
        let nlu = json!({ "paths": {
            "/a/{id}": { "post": operation("N"), "parameters": [{ "name": "id", "in": "path" }] },
        } });
        let merged = merge(vec![("api", api), ("nlu", nlu)], &table);
        let item = &merged["paths"]["/a/{id}"];
        assert_eq!(item["get"]["security"], json!([]));
        assert_eq!(item["post"], operation("N"));
        assert_eq!(merged["paths"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_rewritten_operation_is_found_where_clients_ask_for_it() {
        let table = routes(&[(
            "api",
            "[[route]]\npath = \"/{tenant}/v1/{*rest}\"\nrewrite = \"/a/{*rest}\"\nauth = \"none\"\n\
             [[route]]\npath = \"/a/notes\"\nauth = \"required\"\n\
             [[route]]\npath = \"/all/{*rest}\"\nrewrite = \"/{*rest}\"\nmethods = [\"GET\"]\nauth = \"required\"\n",
        )]);
        let notes = json!({ "get": { "operationId": "notes" } });
        let id = json!({ "name": "id", "in": "path" });
        let note = json!({ "get": { "operationId": "note", "parameters": [id] } });
        let api = json!({ "paths": {
            "/a/notes": notes, "/a/notes/{id}": note, "/b": notes, "/internal/v1/a": notes,
        } });
        let merged = merge(vec![("api", api)], &table);
        let tenant = json!({ "name": "tenant", "in": "path", "required": true, "schema": { "type": "string" } });
        assert_eq!(
            merged["paths"],
            json!({
                "/a/notes": notes,
                "/{tenant}/v1/notes": { "get": { "security": [], "parameters": [tenant] } },
                "/{tenant}/v1/notes/{id}":
                    { "get": { "operationId": "note", "security": [], "parameters": [id, tenant] } },
                "/all/a/notes": { "get": {} },
                "/all/a/notes/{id}": { "get": { "parameters": [id] } },
                "/all/b": { "get": { "operationId": "notes" } },
            })
        );
    }

    #[test]
    fn a_name_with_two_meanings_becomes_two_names() {
        let table = routes(&[
            ("api", "[[route]]\npath = \"/a\"\nauth = \"required\"\n"),
            ("nlu", "[[route]]\npath = \"/n\"\nauth = \"required\"\n"),
        ]);
        let document = |path: &str, kind: &str| {
            json!({
                "paths": { path: { "get": operation("State") } },
                "components": { "schemas": { "State": { "type": kind }, "Problem": {} } },
            })
        };
        let documents = vec![
            ("api", document("/a", "string")),
            ("nlu", document("/n", "object")),
        ];
        let merged = merge(documents, &table);
        assert_eq!(merged["paths"]["/a"]["get"], operation("State"));
        assert_eq!(merged["paths"]["/n"]["get"], operation("nlu_State"));
        let schemas = &merged["components"]["schemas"];
        assert_eq!(schemas["State"]["type"], "string");
        assert_eq!(schemas["nlu_State"]["type"], "object");
        assert_eq!(schemas.as_object().unwrap().len(), 3);
    }
}
