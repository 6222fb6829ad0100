//! The `nlu` binary.

fn main() -> std::process::ExitCode {
    stoa_service::Program::new("nlu", nlu::build)
        .openapi(nlu::openapi)
        .run()
}
