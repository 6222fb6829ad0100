//! How the OpenAPI document describes what may be written in a short form.

use utoipa::openapi::schema::{Object, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// One of these forms.
pub(super) fn either<const N: usize>(description: &str, forms: [RefOr<Schema>; N]) -> Schema {
    let one_of = OneOfBuilder::new().description(Some(description));
    forms.into_iter().fold(one_of, OneOfBuilder::item).into()
}

/// A text.
pub(super) fn text() -> RefOr<Schema> {
    Schema::Object(Object::with_type(Type::String)).into()
}
