//! The flow document is what the OpenAPI document says that it is.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use stoa_contracts::flows::Flows;
use utoipa::OpenApi;

const DEMO: &str = include_str!("../../../ci/stoa/demo/flows.yml");

#[derive(OpenApi)]
#[openapi(components(schemas(Flows)))]
struct Document;

/// What a client generated from the document takes for flows.
struct Described {
    schemas: Schemas,
    flows: SchemaIndex,
}

impl Described {
    fn new() -> Self {
        let document = serde_json::to_value(Document::openapi()).expect("serialises");
        let definitions = document["components"]["schemas"].to_string();
        let definitions = definitions.replace("#/components/schemas/", "#/$defs/");
        let definitions: Value = serde_json::from_str(&definitions).expect("still JSON");
        let schema = json!({"$ref": "#/$defs/Flows", "$defs": definitions});
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler
            .add_resource("flows.json", schema)
            .expect("a schema");
        let flows = compiler.compile("flows.json", &mut schemas);
        let flows = flows.expect("compiles");
        Self { schemas, flows }
    }

    fn fits(&self, flows: &Value) -> Result<(), String> {
        let valid = self.schemas.validate(flows, self.flows);
        valid.map_err(|error| error.to_string())
    }
}

#[test]
fn the_flows_of_the_demo_assistant_fit_the_document_as_written_and_as_read() {
    let described = Described::new();
    let written: Value = serde_saphyr::from_str(DEMO).unwrap();
    assert_eq!(described.fits(&written), Ok(()));
    let read: Flows = serde_saphyr::from_str(DEMO).unwrap();
    let read = serde_json::to_value(read).unwrap();
    assert_eq!(described.fits(&read), Ok(()));
}

#[test]
fn every_form_that_is_read_fits_the_document_and_no_other() {
    let described = Described::new();
    let flows = |response: Value, step: Value| json!({"responses": {"r": response}, "flows": {"f": {"steps": [step]}}});
    let (response, step) = (json!("Hi"), json!("end"));
    for good in [
        flows(json!("Hi"), step.clone()),
        flows(json!({"text": "Hi"}), step.clone()),
        flows(
            json!({"text": "Hi", "buttons": [{"title": "Yes"}]}),
            step.clone(),
        ),
        flows(json!(["Hi", {"text": "Hello"}]), step.clone()),
        flows(response.clone(), json!({"ask": "n"})),
        flows(
            response.clone(),
            json!({"ask": {"slot": "n", "question": "r", "again": true}}),
        ),
        flows(response.clone(), json!({"set": {"n": null, "m": 5}})),
    ] {
        assert_eq!(described.fits(&good), Ok(()), "{good}");
        assert!(
            serde_json::from_value::<Flows>(good.clone()).is_ok(),
            "{good}"
        );
    }
    for bad in [
        flows(json!(5), step.clone()),
        flows(json!({"text": "Hi", "says": 1}), step),
        flows(response.clone(), json!({"ask": 5})),
        flows(response.clone(), json!({"ask": {"slot": "n", "more": 1}})),
        flows(response, json!({"set": {"n": []}})),
    ] {
        assert!(described.fits(&bad).is_err(), "{bad}");
        assert!(
            serde_json::from_value::<Flows>(bad.clone()).is_err(),
            "{bad}"
        );
    }
}
