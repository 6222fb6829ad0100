//! The problems that any operation may answer with, for its OpenAPI entry.
//!
//! Add one of them to the `responses(...)` of a handler:
//! `responses((status = 200, body = Note, description = "The note"), responses::Read)`.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// Problems of an operation that reads: it takes no body.
#[derive(Debug)]
pub struct Read;

/// Problems of an operation that takes a body or changes something.
#[derive(Debug)]
pub struct Write;

const READ: [(u16, &str); 9] = [
    (400, "The request is malformed"),
    (401, "The access token is missing, wrong or expired"),
    (403, "The role does not allow this"),
    (404, "There is no such thing in this account"),
    (405, "The path does not take this method"),
    (429, "Too many requests; see `retry-after`"),
    (500, "A defect on our side"),
    (503, "A part of the platform is away; try again"),
    (504, "A part of the platform is too slow; try again"),
];

const WRITE: [(u16, &str); 4] = [
    (409, "The request contradicts the present state"),
    (413, "The body is too large"),
    (415, "The body has another content type than this takes"),
    (422, "Some values are not allowed; `errors` says which"),
];

impl IntoResponses for Read {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        READ.into_iter().map(entry).collect()
    }
}

impl IntoResponses for Write {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        READ.into_iter().chain(WRITE).map(entry).collect()
    }
}

fn entry((status, description): (u16, &str)) -> (String, RefOr<Response>) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build();
    (status.to_string(), RefOr::T(response))
}
