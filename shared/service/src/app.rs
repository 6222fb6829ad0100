//! A service, put together and not yet running.

use std::{pin::Pin, time::Duration};

use axum::{Extension, Router};
use stoa_contracts::identity::Scope;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Context, HttpSettings, TokenVerifier, identity::Purpose, middleware, openapi, running::Running,
};

/// Any error that a check or a background task may end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

type BoxFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// Something that must answer before the service takes requests.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn Fn() -> BoxFuture + Send + Sync>,
}

/// Something that runs as long as the service does.
pub(crate) struct Background {
    pub(crate) name: &'static str,
    pub(crate) start: Box<dyn FnOnce(CancellationToken) -> BoxFuture + Send>,
}

/// A service: its routes, what it waits for, and what it does beside requests.
pub struct App {
    router: Router,
    longest_request: Option<Duration>,
    pub(crate) checks: Vec<Check>,
    pub(crate) background: Vec<Background>,
}

impl App {
    /// A service with these routes.
    pub fn new(router: Router) -> Self {
        Self {
            router,
            longest_request: None,
            checks: Vec::new(),
            background: Vec::new(),
        }
    }

    /// A service with these routes, which also serves their document at `GET /openapi.json`.
    pub fn documented(routes: OpenApiRouter) -> Self {
        let (api, document) = routes.split_for_parts();
        Self::new(api.route(openapi::PATH, openapi::handler(&document)))
    }

    /// Adds routes that are not part of the public document, such as the internal ones.
    #[must_use]
    pub fn merge(mut self, routes: Router) -> Self {
        self.router = self.router.merge(routes);
        self
    }

    /// Lets handlers take an [`Identity`](crate::Identity), verified by `verifier`. Of keys that are narrowed to scopes it
    /// takes those that manage; a service that is for something else says so with [`App::identity_to`].
    #[must_use]
    pub fn identity(self, verifier: TokenVerifier) -> Self {
        self.identity_to(Scope::Manage, verifier)
    }

    /// As [`App::identity`], for a service whose routes are there to parse or to converse.
    #[must_use]
    pub fn identity_to(mut self, scope: Scope, verifier: TokenVerifier) -> Self {
        let purpose = Extension(Purpose(scope));
        self.router = self.router.layer(purpose).layer(Extension(verifier));
        self
    }

    /// Lets a request take this long whatever `REQUEST_TIMEOUT` says: for a service whose routes
    /// have limits of their own.
    #[must_use]
    pub fn longest_request(mut self, limit: Duration) -> Self {
        self.longest_request = Some(limit);
        self
    }

    /// Makes readiness depend on `check`, which must answer within a second.
    #[must_use]
    pub fn ready_when<F, E>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let run = move || -> BoxFuture {
            let check = check();
            Box::pin(async move { check.await.map_err(Into::into) })
        };
        self.checks.push(Check {
            name,
            run: Box::new(run),
        });
        self
    }

    /// Runs `task` beside the requests. When its token is cancelled it has to finish what it has
    /// in hand; if it fails before, the process ends with exit code 1.
    #[must_use]
    pub fn background<F, E>(
        mut self,
        name: &'static str,
        task: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let start = move |token| -> BoxFuture {
            Box::pin(async move { task(token).await.map_err(Into::into) })
        };
        self.background.push(Background {
            name,
            start: Box::new(start),
        });
        self
    }

    /// Starts the service on its listeners; this is what `serve` does, and what tests do with
    /// [`HttpSettings::loopback`].
    pub async fn start(
        self,
        settings: &HttpSettings,
        context: &Context,
    ) -> std::io::Result<Running> {
        Running::start(self, settings, context).await
    }

    pub(crate) fn split(self, settings: &HttpSettings) -> (Router, Vec<Check>, Vec<Background>) {
        let timeout = self.longest_request.unwrap_or(settings.request_timeout);
        (
            middleware::wrap(self.router, timeout, settings.body_limit),
            self.checks,
            self.background,
        )
    }
}
