//! The `gateway` binary.

fn main() -> std::process::ExitCode {
    stoa_service::Program::new("gateway", gateway::build)
        .subcommand(
            "check",
            "say what is wrong with the route files of a folder",
            gateway::check,
        )
        .run()
}
