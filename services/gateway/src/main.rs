//! The `gateway` binary.

fn main() -> std::process::ExitCode {
    stoa_service::Program::new("gateway", gateway::build).run()
}
