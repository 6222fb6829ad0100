//! What there is to run, found by convention, and where each process listens.

use super::options::Settings;
use anyhow::Context as _;
use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};

/// A service of the workspace that is a Rust binary.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// Its one name.
    pub(super) name: String,
    /// Whether it owns a database.
    pub(super) owns_database: bool,
    /// Where its API listens.
    pub(super) port: u16,
    /// Where `/readyz` listens.
    pub(super) admin_port: u16,
}

/// Every place that the processes need to know.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The workspace.
    pub(super) root: PathBuf,
    /// Where data, secrets and logs are.
    pub(super) state: PathBuf,
    /// The Rust services, by name.
    pub(super) services: Vec<Service>,
    /// Where the console's development server listens; 0 without a console.
    pub(super) web_port: u16,
    /// Where PostgreSQL listens.
    pub(super) postgres_port: u16,
    /// Where Redis listens.
    pub(super) redis_port: u16,
    /// Where the gateway listens.
    pub(super) port: u16,
    /// The services take the queue from the caller's environment.
    pub(super) own_queue: bool,
}

impl Layout {
    /// Finds the services; the gateway gets the port of the settings, everything else a free one.
    pub(super) fn discover(root: &Path, state: &Path, settings: Settings) -> anyhow::Result<Self> {
        let mut free = FreePorts::default();
        let port = free.take_this(settings.port).with_context(|| {
            let port = settings.port;
            format!("the gateway cannot listen on 127.0.0.1:{port}; choose another with STOA_PORT")
        })?;
        let mut services = Vec::new();
        let folder = root.join("services");
        for entry in std::fs::read_dir(&folder).context("this is not a workspace of Stoa")? {
            let folder = entry?.path();
            let name = folder
                .file_name()
                .and_then(|name| name.to_str())
                .map(str::to_owned);
            let Some(name) = name.filter(|_| folder.join("Cargo.toml").is_file()) else {
                continue;
            };
            services.push(Service {
                owns_database: folder.join("migrations").is_dir(),
                port: if name == "gateway" {
                    port
                } else {
                    free.take()?
                },
                admin_port: free.take()?,
                name,
            });
        }
        services.sort_by(|a, b| a.name.cmp(&b.name));
        let web = folder.join("web/package.json").is_file();
        Ok(Self {
            root: root.to_owned(),
            state: state.to_owned(),
            services,
            web_port: if web { free.take()? } else { 0 },
            postgres_port: free.take()?,
            redis_port: free.take()?,
            port,
            own_queue: settings.own_queue,
        })
    }

    /// The public door.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where each service's `/metrics` is, as the acceptance tests read it.
    pub(super) fn admin_addresses(&self) -> String {
        let line = |service: &Service| {
            let key = variable(&service.name, "ADMIN_URL");
            format!("{key}=http://127.0.0.1:{}\n", service.admin_port)
        };
        self.services.iter().map(line).collect()
    }

    /// A secret's file.
    pub(super) fn secret(&self, name: &str) -> PathBuf {
        self.state.join("secrets").join(name)
    }

    /// The environment of a service: the same names as in Compose, other addresses.
    pub(super) fn environment(&self, service: &Service) -> Vec<(String, String)> {
        let file = |key: &str, secret: &str| {
            (
                format!("{key}_FILE"),
                self.secret(secret).display().to_string(),
            )
        };
        let own = |key: &str, value: String| (key.to_owned(), value);
        let mut environment = vec![
            own("LISTEN_ADDR", format!("127.0.0.1:{}", service.port)),
            own("ADMIN_ADDR", format!("127.0.0.1:{}", service.admin_port)),
            own("LOG_FORMAT", "text".into()),
            own("SHUTDOWN_DRAIN_DELAY", "0s".into()),
            own(
                "GATEWAY_ROUTES",
                self.root.join("services").display().to_string(),
            ),
            own("BOOTSTRAP_ACCOUNT", super::ACCOUNT.into()),
            own("OPERATOR_ACCOUNT", super::ACCOUNT.into()),
            own("BOOTSTRAP_EMAIL", super::EMAIL.into()),
            file("BOOTSTRAP_PASSWORD", "demo_password"),
            file("INTERNAL_TOKEN", "internal_token"),
            file("TOKEN_VERIFYING_KEY", "token_verifying_key"),
            file("REDIS_URL", "redis_url"),
        ];
        // The services write to our pipe and cannot see where it leads.
        if !std::io::stdout().is_terminal() {
            environment.push(own("NO_COLOR", "1".into()));
        }
        if service.name == "api" {
            environment.push(file("TOKEN_SIGNING_KEY", "token_signing_key"));
        }
        if service.owns_database {
            environment.push(file(
                "DATABASE_URL",
                &format!("{}_database_url", service.name),
            ));
        }
        if !self.own_queue {
            environment.push(file("QUEUE_URL", "redis_url"));
        }
        let addresses = self
            .services
            .iter()
            .map(|other| (other.name.as_str(), other.port));
        for (name, port) in addresses.chain([("web", self.web_port)]) {
            environment.push((variable(name, "URL"), format!("http://127.0.0.1:{port}")));
        }
        environment
    }
}

/// `NLU_URL` for the URL of `nlu`.
fn variable(service: &str, what: &str) -> String {
    format!("{}_{what}", service.to_uppercase().replace('-', "_"))
}

/// Ports that were free a moment ago; each is held until all are chosen, so none comes twice.
#[derive(Default)]
struct FreePorts {
    held: Vec<TcpListener>,
}

impl FreePorts {
    fn take(&mut self) -> anyhow::Result<u16> {
        self.take_this(0)
    }

    /// This port, or any if it is 0.
    fn take_this(&mut self, port: u16) -> anyhow::Result<u16> {
        let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        let port = listener.local_addr()?.port();
        self.held.push(listener);
        Ok(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn compose_names_the_same_account_to_who_creates_it_and_to_who_lets_it_operate() {
        let api = include_str!("../../../../services/api/compose.yml");
        let worker = include_str!("../../../../services/worker/compose.yml");
        let account = crate::dev::ACCOUNT;
        assert!(api.contains(&format!("BOOTSTRAP_ACCOUNT: {account}\n")));
        for operated in [api, worker] {
            assert!(operated.contains(&format!("OPERATOR_ACCOUNT: {account}\n")));
        }
    }

    #[test]
    fn every_rust_service_is_found_and_every_port_is_its_own() {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "api/Cargo.toml",
            "api/migrations/1.sql",
            "gateway/Cargo.toml",
            "web/package.json",
        ] {
            let path = root.path().join("services").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let settings = Settings {
            port: 0,
            own_queue: false,
        };
        let mut layout = Layout::discover(root.path(), Path::new("/state"), settings).unwrap();
        let names: Vec<_> = layout
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        assert_eq!(names, ["api", "gateway"]);
        assert_eq!(layout.services[1].port, layout.port);
        let ports = layout
            .services
            .iter()
            .flat_map(|service| [service.port, service.admin_port]);
        let rest = [layout.web_port, layout.postgres_port, layout.redis_port];
        assert_eq!(ports.chain(rest).collect::<BTreeSet<_>>().len(), 7);

        let environment = layout.environment(&layout.services[0]);
        let names = |key: &str| environment.iter().any(|(name, _)| name == key);
        assert!(names("DATABASE_URL_FILE") && names("TOKEN_SIGNING_KEY_FILE") && names("WEB_URL"));
        assert!(names("QUEUE_URL_FILE"));

        layout.own_queue = true;
        let environment = layout.environment(&layout.services[1]);
        let names = |key: &str| environment.iter().any(|(name, _)| name == key);
        assert!(!names("TOKEN_SIGNING_KEY_FILE") && !names("QUEUE_URL_FILE"));
        assert!(layout.admin_addresses().contains("GATEWAY_ADMIN_URL=http"));
    }
}
