//! A service as a process: subcommands, exit codes.

use std::{io::Write as _, pin::Pin, process::ExitCode};

use stoa_config::{EXIT_CODE, Env, Settings};
use stoa_telemetry::{Telemetry, TelemetrySettings};
use utoipa::openapi::OpenApi;

use crate::{
    App, Context, healthcheck, lifecycle,
    settings::{HttpSettings, ProcessSettings},
    start::{StartError, patiently},
    tls,
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
type Command = Box<dyn FnOnce(&'static str, Env) -> ExitCode>;

/// A subcommand that a service adds.
struct Own {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<String, String>,
}

/// A service as a process. `main` makes one and runs it:
///
/// ```no_run
/// # mod stub {
/// #     use stoa_service::{App, Context, StartError};
/// #     pub async fn build(_: (), _: &Context) -> Result<App, StartError> { todo!() }
/// #     pub async fn migrate(_: ()) -> Result<(), StartError> { Ok(()) }
/// # }
/// fn main() -> std::process::ExitCode {
///     stoa_service::Program::new("stub", stub::build).migrate(stub::migrate).run()
/// }
/// ```
pub struct Program {
    name: &'static str,
    serve: Command,
    reference: fn() -> String,
    migrate: Option<(Command, fn() -> String)>,
    openapi: Option<fn() -> OpenApi>,
    own: Vec<Own>,
}

impl Program {
    /// A service that `build` puts together from its settings; again, while what it needs is away.
    pub fn new<S, F>(name: &'static str, build: F) -> Self
    where
        S: Settings + Clone + 'static,
        F: AsyncFn(S, &Context) -> Result<App, StartError> + 'static,
    {
        let serve: Command = Box::new(move |name, env| {
            with_settings(name, env, |settings: ProcessSettings<S>| {
                Box::pin(async move {
                    let build = async |context: Context| {
                        patiently(async || build(settings.service.clone(), &context).await).await
                    };
                    lifecycle::serve(name, build, &settings.http).await
                })
            })
        });
        let reference = stoa_config::reference::<ProcessSettings<S>>;
        Self {
            name,
            serve,
            reference,
            migrate: None,
            openapi: None,
            own: Vec::new(),
        }
    }

    /// Adds the `migrate` subcommand, with settings of its own; it is tried again as well.
    #[must_use]
    pub fn migrate<S, F>(mut self, migrate: F) -> Self
    where
        S: Settings + Clone + 'static,
        F: AsyncFn(S) -> Result<(), StartError> + 'static,
    {
        let command: Command = Box::new(move |name, env| {
            with_settings(name, env, |settings: ProcessSettings<S>| {
                Box::pin(async move {
                    Ok(patiently(async || migrate(settings.service.clone()).await).await?)
                })
            })
        });
        self.migrate = Some((command, stoa_config::reference::<S>));
        self
    }

    /// Adds the `openapi` subcommand, which prints the document and needs no environment.
    #[must_use]
    pub fn openapi(mut self, document: fn() -> OpenApi) -> Self {
        self.openapi = Some(document);
        self
    }

    /// Adds a subcommand that needs no settings. It gets what follows its name and gives what is
    /// printed, or what is wrong: then the exit code is 1.
    #[must_use]
    pub fn subcommand(
        mut self,
        name: &'static str,
        help: &'static str,
        run: fn(&[String]) -> Result<String, String>,
    ) -> Self {
        self.own.push(Own { name, help, run });
        self
    }

    /// Does what the command line says.
    pub fn run(self) -> ExitCode {
        tls::install_provider();
        let arguments = std::env::args_os().skip(1);
        // What is not UTF-8 is no subcommand, and refused as any other that is none.
        let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let command = arguments.next();
        let own = self
            .own
            .iter()
            .find(|own| command.as_deref() == Some(own.name));
        if let Some(own) = own {
            return match (own.run)(&arguments.collect::<Vec<_>>()) {
                Ok(text) => print(&text),
                Err(reason) => {
                    refuse(&reason);
                    ExitCode::FAILURE
                }
            };
        }
        match (
            command.as_deref().unwrap_or("serve"),
            self.migrate,
            self.openapi,
        ) {
            ("serve", ..) => (self.serve)(self.name, Env::from_process()),
            ("migrate", Some((migrate, _)), _) => migrate(self.name, Env::from_process()),
            ("healthcheck", ..) => check(),
            ("openapi", _, Some(document)) => print(&pretty(&document())),
            ("--version" | "-V", ..) => print(&version(self.name)),
            ("--help" | "-h" | "help", migrate, openapi) => {
                let migrate = migrate.map(|(_, reference)| reference());
                print(&help(
                    self.name,
                    &(self.reference)(),
                    migrate.as_deref(),
                    openapi.is_some(),
                    &self.own,
                ))
            }
            (other, ..) => refuse(&format!(
                "{}: unknown subcommand `{other}`; see --help",
                self.name
            )),
        }
    }
}

/// Reads settings, starts telemetry, then the runtime; ends them in the opposite order.
fn with_settings<S: Settings>(
    name: &'static str,
    env: Env,
    run: impl FnOnce(ProcessSettings<S>) -> BoxFuture<'static, anyhow::Result<()>>,
) -> ExitCode {
    let settings = match env.load::<ProcessSettings<S>>() {
        Ok(settings) => settings,
        Err(problems) => return refuse(&format!("{name}: {problems}")),
    };
    let telemetry = match start_telemetry(name, &settings.telemetry) {
        Ok(telemetry) => telemetry,
        Err(problem) => return refuse(&format!("{name}: {problem}")),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.http.threads.max(1))
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(settings));
            // Blocking work that has no end must not hold the process back.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            result
        }
        Err(error) => Err(error.into()),
    };
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the process ends");
            ExitCode::FAILURE
        }
    };
    telemetry.shutdown();
    code
}

fn start_telemetry(name: &'static str, settings: &TelemetrySettings) -> Result<Telemetry, String> {
    let telemetry = Telemetry::init(name, settings).map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, panic = panic.payload_as_str(), "panicked");
    }));
    metrics::describe_gauge!("build_info", "Always 1; the labels say which build this is");
    metrics::gauge!("build_info", "service" => name, "version" => VERSION, "commit" => commit())
        .set(1.0);
    Ok(telemetry)
}

/// The version of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that the image was built from, as the image says: in the binary, each commit would compile everything anew.
fn commit() -> String {
    std::env::var("STOA_COMMIT").unwrap_or_else(|_| "unknown".into())
}

fn version(name: &str) -> String {
    format!("{name} {VERSION} ({})\n", commit())
}

fn pretty(document: &OpenApi) -> String {
    let json = document
        .to_pretty_json()
        .expect("a document of plain values serialises");
    json + "\n"
}

fn check() -> ExitCode {
    struct Admin(std::net::SocketAddr);
    impl Settings for Admin {
        fn read(env: &mut Env) -> Option<Self> {
            HttpSettings::read(env).map(|settings| Self(settings.admin))
        }
    }
    match Env::from_process().load::<Admin>() {
        Err(problems) => refuse(&problems.to_string()),
        Ok(Admin(admin)) => match healthcheck::ready(admin) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) | Err(_) => ExitCode::FAILURE,
        },
    }
}

fn help(name: &str, serve: &str, migrate: Option<&str>, openapi: bool, own: &[Own]) -> String {
    let mut text = format!("{}\n{name} [SUBCOMMAND]\n\n", version(name));
    text.push_str("  serve          run the service (default)\n");
    if migrate.is_some() {
        text.push_str("  migrate        bring the database up to date\n");
    }
    text.push_str("  healthcheck    exit 0 if the running service is ready\n");
    if openapi {
        text.push_str("  openapi        print the OpenAPI document\n");
    }
    text.extend(
        own.iter()
            .map(|own| format!("  {:<14} {}\n", own.name, own.help)),
    );
    text.push_str("  --help, --version\n\nEnvironment:\n");
    text.push_str(serve);
    if let Some(migrate) = migrate {
        text.push_str("\nEnvironment of `migrate`:\n");
        text.push_str(migrate);
    }
    text
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Nothing runs yet that could log: the reason goes to stderr.
fn refuse(reason: &str) -> ExitCode {
    // Without stderr nobody can be told; the exit code still says it.
    let _ = writeln!(std::io::stderr(), "{reason}");
    ExitCode::from(EXIT_CODE)
}
