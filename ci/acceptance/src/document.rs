//! The OpenAPI document that the gateway serves, as a list of what can be asked for.
//!
//! Tests that go over it find a new route by themselves.

use crate::{Answer, Platform, answer};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// What can be asked for.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name in the document.
    pub id: String,
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: String,
    /// Whether it asks for no credentials.
    pub is_public: bool,
    /// A body that the document allows; none if it takes none.
    pub body: Option<Value>,
}

/// Reads what is documented.
pub async fn operations() -> Result<Vec<Operation>> {
    let document = Platform::visitor()?.get("/api/openapi.json").await?;
    let document = document.expect(200)?;
    let paths = document["paths"].as_object().context("no paths")?;
    let mut found = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().context("no methods")? {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let id = operation["operationId"].as_str().context("no id")?;
            found.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase().parse()?,
                path: path.clone(),
                is_public: operation["security"] == json!([]),
                body: (!schema.is_null()).then(|| sample(&document, schema)),
            });
        }
    }
    Ok(found)
}

impl Operation {
    /// Whether its path names a thing.
    pub fn has_parameter(&self) -> bool {
        self.path.contains('{')
    }

    /// Whether its answer is a WebSocket.
    pub fn is_stream(&self) -> bool {
        self.path.ends_with("/stream")
    }

    /// Asks for it as somebody, at a path without parameters.
    pub async fn ask(&self, who: &Platform, path: &str) -> Result<Answer> {
        let mut request = who.request(self.method.clone(), path);
        if self.is_stream() {
            for (name, value) in [
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] {
                request = request.header(name, value);
            }
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        answer(request).await
    }
}

/// A value that a schema allows: its examples, and what is simple.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return sample(document, target.unwrap_or(&Value::Null));
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(first) = schema["oneOf"].get(0) {
        return sample(document, first);
    }
    if let Some(first) = schema["allOf"].get(0) {
        return sample(document, first);
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("object") => object(document, schema),
        Some("array") => json!([sample(document, &schema["items"])]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(false),
        Some("string") => string(schema),
        _ => Value::Null,
    }
}

/// What it must have, and what has an example. Of an object of which nothing must be there it is what is simple, or all.
fn object(document: &Value, schema: &Value) -> Value {
    let required = schema["required"].as_array();
    let is_wanted = |name: &str, property: &Value| match required {
        Some(names) => names.iter().any(|known| known == name),
        None => is_switch(property),
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let sampled = |(name, property): (&String, &Value)| (name.clone(), sample(document, property));
    let wanted = properties
        .clone()
        .filter(|(name, property)| is_wanted(name, property) || property.get("example").is_some());
    let mut values: Map<String, Value> = wanted.map(sampled).collect();
    if values.is_empty() {
        values = properties.map(sampled).collect();
    }
    Value::Object(values)
}

fn is_switch(property: &Value) -> bool {
    let kind = property["type"].as_str().or(property["type"][0].as_str());
    kind == Some("boolean")
}

fn string(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("uuid") => json!("00000000-0000-7000-8000-000000000000"),
        Some("date-time") => json!("2100-01-01T00:00:00Z"),
        _ => json!("something of a length"),
    }
}
