//! Prints the document of the whole platform without running it.
//!
//! `cargo run -p gateway --example openapi -- ROUTES DOCUMENTS`, where `ROUTES` is a folder that
//! `GATEWAY_ROUTES` may name and `DOCUMENTS` holds what each `BINARY openapi` prints, as
//! `<service>.json`. `make openapi` does all of it.

use anyhow::{Context as _, bail};
use std::io::Write as _;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [routes, folder] = arguments.as_slice() else {
        bail!("two folders are needed: the routes and the documents");
    };
    let routes = gateway::routes::load(Path::new(routes))?;
    let read = |service: &str| -> anyhow::Result<serde_json::Value> {
        let path = Path::new(folder).join(format!("{service}.json"));
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    };
    let documents = routes
        .documented()
        .iter()
        .map(|service| Ok((&**service, read(service)?)));
    let documents = documents.collect::<anyhow::Result<_>>()?;
    let merged = gateway::openapi::merge(documents, &routes);
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &merged)?;
    writeln!(stdout)?;
    Ok(())
}
