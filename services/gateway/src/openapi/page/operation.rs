//! One operation on the page: what it takes and what it answers.

use super::schema::{self, resolve};
use super::{prose, slug};
use maud::{Markup, html};
use serde_json::Value;

/// The methods that a path of a document can have.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// An operation of a merged document.
pub(super) struct Operation<'d> {
    method: &'static str,
    path: &'d str,
    item: &'d Value,
    value: &'d Value,
}

impl<'d> Operation<'d> {
    /// The operations of a path.
    pub(super) fn of(path: &'d str, item: &'d Value) -> impl Iterator<Item = Self> {
        METHODS.into_iter().filter_map(move |method| {
            let value = item.get(method)?;
            Some(Self {
                method,
                path,
                item,
                value,
            })
        })
    }

    /// The group that it belongs to.
    pub(super) fn tag(&self) -> Option<&'d str> {
        self.value["tags"][0].as_str()
    }

    /// Where the page has it.
    pub(super) fn anchor(&self) -> String {
        match self.value["operationId"].as_str() {
            Some(id) => slug(id),
            None => slug(&format!("{} {}", self.method, self.path)),
        }
    }

    /// What the index calls it.
    pub(super) fn title(&self) -> String {
        match self.value["summary"].as_str() {
            Some(summary) => summary.trim_end_matches('.').replace('`', ""),
            None => format!("{} {}", self.method.to_uppercase(), self.path),
        }
    }

    /// What the filter looks for.
    pub(super) fn words(&self) -> String {
        let tag = self.tag().unwrap_or_default();
        let id = self.value["operationId"].as_str().unwrap_or_default();
        format!("{} {} {id} {tag} {}", self.method, self.path, self.title()).to_lowercase()
    }

    /// The operation as the page shows it.
    pub(super) fn article(&self, document: &Value) -> Markup {
        let anchor = self.anchor();
        let text = |field: &str| self.value[field].as_str();
        html! {
            article id=(anchor) data-words=(self.words()) aria-label=(self.title()) {
                h3 {
                    span class={ "method " (self.method) } { (self.method.to_uppercase()) }
                    a href={ "#" (anchor) } { code { (self.path) } }
                    span.auth { (self.auth(document)) }
                }
                @if let Some(summary) = text("summary") { p { (prose(summary)) } }
                @if let Some(description) = text("description") { p { (prose(description)) } }
                @if self.value["deprecated"] == true { p { strong { "Deprecated." } } }
                (self.parameters(document))
                (self.body(document))
                (self.responses(document))
            }
        }
    }

    fn auth(&self, document: &Value) -> &'static str {
        let own = self.value.get("security");
        let security = own.unwrap_or(&document["security"]).as_array();
        if security.is_some_and(|schemes| !schemes.is_empty()) {
            "needs a token"
        } else {
            "open to everybody"
        }
    }

    fn parameters(&self, document: &Value) -> Markup {
        let lists = [self.item, self.value];
        let lists = lists
            .iter()
            .filter_map(|value| value["parameters"].as_array());
        let parameters: Vec<_> = lists.flatten().map(|one| resolve(document, one)).collect();
        if parameters.is_empty() {
            return html! {};
        }
        html! {
            h4 { "Parameters" }
            div.wide tabindex="0" role="region" aria-label="Parameters" {
                table {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                    tbody {
                        @for parameter in parameters {
                            tr {
                                td {
                                    code { (parameter["name"].as_str().unwrap_or_default()) }
                                    div.must {
                                        (parameter["in"].as_str().unwrap_or_default())
                                        @if parameter["required"] == true { ", required" }
                                    }
                                }
                                td { (schema::kind(&parameter["schema"])) }
                                td {
                                    @if let Some(text) = parameter["description"].as_str() { p { (prose(text)) } }
                                    (schema::limits(&parameter["schema"]))
                                    @if let Some(example) = parameter.get("example") { (schema::sample(example)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn body(&self, document: &Value) -> Markup {
        let Some(body) = self.value.get("requestBody") else {
            return html! {};
        };
        let body = resolve(document, body);
        html! {
            h4 { "Body" @if body["required"] != true { " (optional)" } }
            @if let Some(text) = body["description"].as_str() { p { (prose(text)) } }
            (content(document, body))
        }
    }

    fn responses(&self, document: &Value) -> Markup {
        let responses = self.value["responses"].as_object().into_iter().flatten();
        let (good, bad): (Vec<_>, Vec<_>) = responses
            .map(|(status, response)| (status, resolve(document, response)))
            .partition(|(status, _)| !status.starts_with(['4', '5']));
        html! {
            @for (status, response) in good {
                h4 { "Answer " code { (status) } }
                @if let Some(text) = response["description"].as_str() { p { (prose(text)) } }
                (content(document, response))
            }
            @if !bad.is_empty() {
                details {
                    summary { "Errors: " (bad.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>().join(", ")) }
                    table {
                        tbody {
                            @for (status, response) in bad {
                                tr {
                                    td { code { (status) } }
                                    td { (prose(response["description"].as_str().unwrap_or_default())) }
                                    td {
                                        @for (_, media) in media(response) { (schema::kind(&media["schema"])) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn media(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value["content"].as_object().into_iter().flatten()
}

/// What a body or an answer consists of, with an example of it.
fn content(document: &Value, value: &Value) -> Markup {
    html! {
        @for (kind, media) in media(value) {
            @let schema = &media["schema"];
            p { code { (kind) } ": " (schema::kind(schema)) }
            @let full = resolve(document, schema);
            @if full.get("properties").is_some() {
                details {
                    summary { "Fields" }
                    (schema::table(full))
                }
            }
            @if let Some(example) = schema::example(document, media) {
                details {
                    summary { "Example" }
                    pre tabindex="0" { code { (example) } }
                }
            }
        }
    }
}
