//! The `ml` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    stoa_service::Program::new("ml", ml::build)
        .migrate(ml::migrate)
        .run()
}
