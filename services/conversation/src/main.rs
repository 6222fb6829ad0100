//! The `conversation` binary.

fn main() -> std::process::ExitCode {
    stoa_service::Program::new("conversation", conversation::build)
        .migrate(conversation::migrate)
        .openapi(conversation::openapi)
        .run()
}
