//! The `worker` binary.

fn main() -> std::process::ExitCode {
    stoa_service::Program::new("worker", worker::build)
        .migrate(worker::migrate)
        .openapi(worker::openapi)
        .run()
}
