//! The `api` service as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    stoa_service::Program::new("api", api::build)
        .migrate(api::migrate)
        .openapi(api::openapi)
        .run()
}
