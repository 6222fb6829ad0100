//! The servers that tests use: named by the environment, or else containers.
//!
//! Containers are kept between runs (tests run one process each, and a start takes seconds):
//! `docker rm -f` on those whose name begins with `stoa-test-` ends them.

use std::{env, fs::File};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt, ReuseDirective, TestcontainersError,
    core::{ContainerPort, ContainerRequest, WaitFor},
    runners::AsyncRunner,
};
use tokio::sync::OnceCell;

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
    async fn find<F>(variable: &str, start: impl FnOnce() -> F) -> Self
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
        let lock = File::create(env::temp_dir().join(format!("stoa-{variable}.lock")));
        let lock = lock.expect("a lock file is created in the temporary folder");
        lock.lock().expect("the lock file can be locked");
        let server = start().await;
        server.unwrap_or_else(|error| panic!("no {variable} is set and no container: {error}"))
    }

    async fn start(
        request: ContainerRequest<GenericImage>,
        port: ContainerPort,
        url: impl FnOnce(String) -> String,
    ) -> Result<Self, TestcontainersError> {
        let container = request.with_reuse(ReuseDirective::Always).start().await?;
        let host = container.get_host().await?;
        let port = container.get_host_port_ipv4(port).await?;
        Ok(Self {
            url: url(format!("{host}:{port}")),
            _container: Some(container),
        })
    }
}

async fn start_postgres() -> Result<Server, TestcontainersError> {
    let port = ContainerPort::Tcp(5432);
    // The entry point starts the server twice; the second start is the one that listens.
    let ready = WaitFor::message_on_stderr("listening on IPv4 address");
    let request = GenericImage::new("postgres", "17")
        .with_wait_for(ready)
        .with_exposed_port(port)
        .with_container_name("stoa-test-postgres")
        .with_env_var("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_cmd(["-c", "fsync=off", "-c", "max_connections=500"]);
    Server::start(request, port, |at| {
        format!("postgres://postgres@{at}/postgres")
    })
    .await
}

async fn start_redis() -> Result<Server, TestcontainersError> {
    let port = ContainerPort::Tcp(6379);
    let request = GenericImage::new("redis", "8")
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .with_exposed_port(port)
        .with_container_name("stoa-test-redis")
        .with_cmd(["redis-server", "--databases", "256"]);
    Server::start(request, port, |at| format!("redis://{at}")).await
}

async fn start_rabbitmq() -> Result<Server, TestcontainersError> {
    let port = ContainerPort::Tcp(5672);
    let request = GenericImage::new("rabbitmq", "4-management")
        .with_wait_for(WaitFor::message_on_stdout("Server startup complete"))
        .with_exposed_port(port)
        .with_container_name("stoa-test-rabbitmq");
    Server::start(request, port, |at| format!("amqp://guest:guest@{at}/%2f")).await
}
