//! A service that runs: its two listeners and its background tasks, until it is asked to end.

use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinSet},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    App, Context, HttpSettings,
    admin::{self, Readiness},
    app::{Background, BoxError, Front, Listening, Serving},
    self_description, server, tls,
};

type Outcome = (&'static str, Result<(), BoxError>);

/// A service that listens.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    admin_address: SocketAddr,
    further_address: Option<SocketAddr>,
    draining: CancellationToken,
    shutdown: CancellationToken,
    /// Ends the admin listener, last of all.
    closed: CancellationToken,
    tasks: JoinSet<Outcome>,
    tracked: TaskTracker,
    drain_delay: Duration,
    deadline: Duration,
}

impl Running {
    pub(crate) async fn start(
        app: App,
        settings: &HttpSettings,
        context: &Context,
    ) -> io::Result<Self> {
        tls::install_provider();
        let listener = TcpListener::bind(settings.listen).await?;
        let admin_listener = TcpListener::bind(settings.admin).await?;
        let further = match app.further {
            Some(address) => Some(TcpListener::bind(address).await?),
            None => None,
        };
        let (serving, checks, background) = app.split(settings);
        let mut running = Self {
            address: listener.local_addr()?,
            admin_address: admin_listener.local_addr()?,
            further_address: further.as_ref().map(TcpListener::local_addr).transpose()?,
            draining: CancellationToken::new(),
            shutdown: context.shutdown.clone(),
            closed: CancellationToken::new(),
            tasks: JoinSet::new(),
            tracked: context.tasks.clone(),
            drain_delay: settings.drain_delay,
            deadline: settings.deadline,
        };
        let readiness = Readiness {
            checks,
            draining: running.draining.clone(),
        };
        running.spawn_admin(admin_listener, admin::router(readiness));
        match serving {
            Serving::Router(router) => running.spawn_server(listener, router, context.service),
            Serving::Front(front) => {
                let listening = Listening {
                    listener: listener.into_std()?,
                    further: further.map(TcpListener::into_std).transpose()?,
                    threads: settings.threads,
                    draining: running.draining.clone(),
                    shutdown: running.shutdown.clone(),
                };
                running.spawn_front(front, listening);
            }
        }
        running.spawn_background(background);
        Ok(running)
    }

    /// The base URL of the API, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of `/livez`, `/readyz` and `/metrics`.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin_address)
    }

    /// The address of the second listener, if there is one.
    pub fn further_address(&self) -> Option<SocketAddr> {
        self.further_address
    }

    /// Ends the service in order: not ready, drain delay, finish what is in hand.
    pub async fn stop(mut self) -> Result<(), BoxError> {
        self.drain().await
    }

    /// Waits until a task ends before its time; if that is by an error, the process has to end.
    pub(crate) async fn crashed(&mut self) -> BoxError {
        while let Some(outcome) = self.tasks.join_next().await {
            if let Err(error) = flatten(outcome) {
                return error;
            }
        }
        std::future::pending().await
    }

    pub(crate) async fn drain(&mut self) -> Result<(), BoxError> {
        self.draining.cancel();
        tracing::info!(delay = ?self.drain_delay, "draining");
        tokio::time::sleep(self.drain_delay).await;
        self.shutdown.cancel();
        self.tracked.close();
        let finish = async {
            let mut result = Ok(());
            while let Some(outcome) = self.tasks.join_next().await {
                result = result.and(flatten(outcome));
            }
            // Last, for what is in hand may still begin some.
            self.tracked.wait().await;
            result
        };
        let result = tokio::time::timeout(self.deadline, finish)
            .await
            .unwrap_or_else(|_| {
                tracing::warn!(deadline = ?self.deadline, "some work did not finish in time");
                Ok(())
            });
        self.closed.cancel();
        result
    }

    fn spawn_server(&mut self, listener: TcpListener, router: Router, service: &'static str) {
        let (draining, shutdown) = (self.draining.clone(), self.shutdown.clone());
        // Outside the middleware: that it is asked for every few seconds is no event.
        let router = router.merge(self_description::routes(service, draining.clone()));
        let serve = server::serve(listener, router, draining, shutdown);
        self.tasks.spawn(async move {
            serve.await;
            ("http", Ok(()))
        });
    }

    fn spawn_front(&mut self, front: Front, listening: Listening) {
        self.tasks
            .spawn(async move { ("http", front(listening).await) });
    }

    /// The admin listener is outside of the drained tasks: it answers until the very end.
    fn spawn_admin(&mut self, listener: TcpListener, router: Router) {
        let closed = self.closed.clone();
        let serve = server::serve(listener, router, closed.clone(), closed);
        tokio::spawn(async move {
            tokio::select! {
                () = serve => {}
                () = stoa_telemetry::metrics::keep_up() => {}
            }
        });
    }

    fn spawn_background(&mut self, background: Vec<Background>) {
        for task in background {
            let token = self.shutdown.clone();
            self.tasks
                .spawn(async move { (task.name, (task.start)(token).await) });
        }
    }
}

fn flatten(outcome: Result<Outcome, JoinError>) -> Result<(), BoxError> {
    match outcome {
        Ok((_, Ok(()))) => Ok(()),
        Ok((name, Err(error))) => Err(format!("`{name}` failed: {error}").into()),
        Err(error) => Err(format!("a task crashed: {error}").into()),
    }
}
