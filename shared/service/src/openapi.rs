//! The OpenAPI document of a service.

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header;
use stoa_contracts::{ErrorCode, FieldError, Problem};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Info,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

/// Where every service serves its own document; the gateway merges them.
pub(crate) const PATH: &str = "/openapi.json";

/// A router that writes the document of service `name` while routes are added.
///
/// Every operation takes a bearer token unless it says `security(())`.
pub fn openapi_router<S: Clone + Send + Sync + 'static>(name: &str) -> OpenApiRouter<S> {
    let mut document = Base::openapi();
    document.info = Info::new(format!("Stoa {name}"), env!("CARGO_PKG_VERSION").to_owned());
    OpenApiRouter::with_openapi(document)
}

/// Serves a document, which is written only once.
pub(crate) fn handler<S: Clone + Send + Sync + 'static>(
    document: &utoipa::openapi::OpenApi,
) -> MethodRouter<S> {
    let json = Bytes::from(
        document
            .to_json()
            .expect("a document of plain values serialises"),
    );
    get(async move || ([(header::CONTENT_TYPE, "application/json")], json.clone()))
}

#[derive(OpenApi)]
#[openapi(components(schemas(Problem, FieldError, ErrorCode)), modifiers(&Bearer))]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", scheme);
        let requirement = SecurityRequirement::new("bearer", Vec::<String>::new());
        document.security = Some(vec![requirement]);
    }
}
