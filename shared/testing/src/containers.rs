//! The servers that tests use: named by the environment, or else containers.
//!
//! Containers are kept between runs (tests run one process each, and a start takes seconds), so
//! they are closed: published on the loopback interface only, with a password made at random.

use crate::eventually;
use sqlx::{Connection as _, PgConnection};
use std::{
    collections::HashMap,
    env,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    time::Duration,
};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt, ReuseDirective, TestcontainersError,
    bollard::models::{HostConfig, PortBinding},
    core::{ContainerPort, ContainerRequest, WaitFor},
    runners::AsyncRunner,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// How `docker ps --filter label=...` finds the containers.
const LABEL: &str = "dev.stoa.test-server";
/// How long PostgreSQL may take from its first message to its first connection.
const STARTING: Duration = Duration::from_secs(10);

/// The URL of the PostgreSQL server, with a superuser and its own database.
pub(crate) async fn postgres_url() -> String {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER
        .get_or_init(|| Server::find("TEST_POSTGRES_URL", start_postgres))
        .await
        .url
        .clone()
}

/// The URL of the Redis server, without a database.
pub(crate) async fn redis_url() -> String {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER
        .get_or_init(|| Server::find("TEST_REDIS_URL", start_redis))
        .await
        .url
        .clone()
}

/// The URL of the RabbitMQ broker.
pub(crate) async fn amqp_url() -> String {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER
        .get_or_init(|| Server::find("TEST_AMQP_URL", start_rabbitmq))
        .await
        .url
        .clone()
}

struct Server {
    url: String,
    /// Kept so that the container outlives the call that started it.
    _container: Option<ContainerAsync<GenericImage>>,
}

impl Server {
    async fn find<F>(variable: &str, start: impl FnOnce(String) -> F) -> Self
    where
        F: Future<Output = Result<Self, TestcontainersError>>,
    {
        if let Ok(url) = env::var(variable) {
            return Self {
                url,
                _container: None,
            };
        }
        // One process starts a container, the others find it.
        let (_lock, password) = password(variable).expect("a password is kept in a file");
        let server = start(password).await;
        server.unwrap_or_else(|error| panic!("no {variable} is set and no container: {error}"))
    }

    /// `url` makes the address of the server of its place and its password.
    async fn start(
        name: &str,
        request: ContainerRequest<GenericImage>,
        (port, password): (u16, String),
        url: impl FnOnce(String, &str) -> String,
    ) -> Result<Self, TestcontainersError> {
        // A container of another password is another container.
        let name = format!("stoa-kept-{name}-{}", &password[..8]);
        let container = request
            .with_container_name(name)
            .with_label(LABEL, "kept")
            .with_host_config_modifier(move |host| publish_on_loopback(host, port))
            .with_reuse(ReuseDirective::Always)
            .start()
            .await?;
        // `get_host` would name the bridge where this process itself is in a container.
        let port = container
            .get_host_port_ipv4(ContainerPort::Tcp(port))
            .await?;
        Ok(Self {
            url: url(format!("127.0.0.1:{port}"), &password),
            _container: Some(container),
        })
    }
}

/// The password of the server that `variable` would name, kept for the next process; whoever holds
/// the file holds the lock on it.
fn password(variable: &str) -> io::Result<(File, String)> {
    let path = env::temp_dir().join(format!("stoa-{variable}.password"));
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.mode(0o600).open(path)?;
    file.lock()?;
    let mut password = String::new();
    file.read_to_string(&mut password)?;
    if password.is_empty() {
        password = Uuid::new_v4().simple().to_string();
        file.write_all(password.as_bytes())?;
    }
    Ok((file, password))
}

/// A free port of 127.0.0.1, instead of one on every interface.
fn publish_on_loopback(host: &mut HostConfig, port: u16) {
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".into()),
        host_port: None,
    };
    host.publish_all_ports = Some(false);
    host.port_bindings = Some(HashMap::from([(
        format!("{port}/tcp"),
        Some(vec![binding]),
    )]));
}

async fn start_postgres(password: String) -> Result<Server, TestcontainersError> {
    let request = GenericImage::new("postgres", "17")
        // The entry point starts the server twice; the second start is the one that listens.
        .with_wait_for(WaitFor::message_on_stderr("listening on IPv4 address"))
        .with_exposed_port(ContainerPort::Tcp(5432))
        .with_env_var("POSTGRES_PASSWORD", &password)
        .with_cmd(["-c", "fsync=off", "-c", "max_connections=500"]);
    let server = Server::start("postgres", request, (5432, password), |at, password| {
        format!("postgres://postgres:{password}@{at}/postgres")
    })
    .await?;
    // It listens a moment before it lets anyone in.
    eventually(STARTING, || async {
        PgConnection::connect(&server.url).await.ok()
    })
    .await;
    Ok(server)
}

async fn start_redis(password: String) -> Result<Server, TestcontainersError> {
    let request = GenericImage::new("redis", "8")
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .with_exposed_port(ContainerPort::Tcp(6379))
        .with_cmd([
            "redis-server",
            "--databases",
            "256",
            "--requirepass",
            &password,
        ]);
    Server::start("redis", request, (6379, password), |at, password| {
        format!("redis://:{password}@{at}")
    })
    .await
}

async fn start_rabbitmq(password: String) -> Result<Server, TestcontainersError> {
    let request = GenericImage::new("rabbitmq", "4-management")
        .with_wait_for(WaitFor::message_on_stdout("Server startup complete"))
        .with_exposed_port(ContainerPort::Tcp(5672))
        // `guest` may come from the broker's own machine only.
        .with_env_var("RABBITMQ_DEFAULT_USER", "test")
        .with_env_var("RABBITMQ_DEFAULT_PASS", &password);
    Server::start("rabbitmq", request, (5672, password), |at, password| {
        format!("amqp://test:{password}@{at}/%2f")
    })
    .await
}
