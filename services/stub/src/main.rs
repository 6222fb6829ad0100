//! The `stub` binary.

fn main() -> std::process::ExitCode {
    stoa_service::Program::new("stub", stub::build)
        .migrate(stub::migrate)
        .openapi(stub::openapi)
        .run()
}
