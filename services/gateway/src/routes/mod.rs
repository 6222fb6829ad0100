//! Public routes: which path belongs to which service, and under which terms.
//!
//! Every service brings its own file ([`mod@file`]); together they make one [`Table`]. Nothing
//! here knows a service by name.

mod condition;
mod file;
mod table;
mod template;
mod terms;
mod watch;

pub use condition::{HeaderCondition, Host};
pub use file::{RouteFile, parse};
pub use table::{Found, Lookup, Table};
pub use template::Rewrite;
pub use terms::{LimitBy, RouteLimit, Target};
pub use watch::Routes;

use http::{HeaderValue, Method};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One path of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its place in the [`Table`], from 0 without a gap.
    pub id: usize,
    /// The service that brought it; it answers, unless `to` says who does.
    pub service: Arc<str>,
    /// The path's template as the file spells it; the metrics' and spans' `http.route`.
    pub path: Arc<str>,
    /// The methods that it answers; empty means all of them.
    pub methods: Vec<Method>,
    /// The host that it answers; any if there is none.
    pub host: Option<Host>,
    /// What a request must have in its headers, by name.
    pub headers: Vec<HeaderCondition>,
    /// Who may pass.
    pub auth: Auth,
    /// How long the upstream may take until its response head.
    pub timeout: Duration,
    /// The largest request body, in bytes.
    pub body_limit: u64,
    /// Whether a WebSocket may be opened here.
    pub upgrade: bool,
    /// The path that the service is asked for; the request's if there is none.
    pub rewrite: Option<Rewrite>,
    /// The services that answer, each its share of the clients; empty means `service`.
    pub to: Vec<Target>,
    /// How often one client may ask here, within the budget that it has for all routes.
    pub limit: Option<RouteLimit>,
    /// The origins whose pages may read the answer.
    pub cors: Vec<HeaderValue>,
    /// Whether requests that are the same at the same time share one answer.
    pub coalesce: bool,
    /// Where it stands, for messages.
    pub origin: Origin,
}

impl Route {
    /// Whether the route answers this method; who answers GET answers HEAD.
    pub fn answers(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (method == Method::HEAD && self.methods.contains(&Method::GET))
    }

    /// The service that answers this client: always the same one, as long as the weights stay.
    pub fn target(&self, client: &impl Hash) -> &Arc<str> {
        terms::choose(&self.to, client).unwrap_or(&self.service)
    }

    /// Every service that requests go to.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let own = self.to.is_empty().then_some(&*self.service);
        own.into_iter()
            .chain(self.to.iter().map(|target| &*target.service))
    }
}

/// Who may pass a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Whoever brings a valid access token or API key.
    Required,
    /// Everybody.
    None,
}

/// A line of a route file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why the route files cannot be used; says which file, which line and what to change.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The directory or a file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        source: std::io::Error,
    },
    /// A file's content is wrong.
    #[error("{origin}: {reason}")]
    Malformed {
        /// The line.
        origin: Origin,
        /// What is wrong there.
        reason: String,
    },
    /// There is not one route file in the directory.
    #[error("{}: no route files (expected <service>.toml or <service>/routes.toml)", .0.display())]
    Empty(PathBuf),
}

/// The route files of a directory by service: `<service>.toml` (the image) or
/// `<service>/routes.toml` (the source tree), in the order of the names.
pub fn discover(directory: &Path) -> Result<Vec<(String, PathBuf)>, RouteError> {
    let unreadable = |source| RouteError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let inner = path.join("routes.toml");
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .map(str::to_owned);
        // `.#nlu.toml` is what an editor leaves.
        let Some(name) = name.filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if inner.is_file() {
            files.push((name, inner));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push((name, path));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(RouteError::Empty(directory.to_owned()));
    }
    Ok(files)
}

/// A service's route file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    service: String,
    path: PathBuf,
    text: String,
}

fn read(directory: &Path) -> Result<Vec<Source>, RouteError> {
    let read = |(service, path): (String, PathBuf)| match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Source {
            service,
            path,
            text,
        }),
        Err(source) => Err(RouteError::Read { path, source }),
    };
    discover(directory)?.into_iter().map(read).collect()
}

fn table(sources: &[Source]) -> Result<Table, RouteError> {
    let parse = |source: &Source| parse(&source.service, &source.path, &source.text);
    Table::new(sources.iter().map(parse).collect::<Result<_, _>>()?)
}

/// Reads every route file of a directory into one table.
pub fn load(directory: &Path) -> Result<Table, RouteError> {
    table(&read(directory)?)
}

/// What is wrong with the route files of a directory: the first mistake of each, or the first
/// pair of routes that clash.
pub fn check(directory: &Path) -> Vec<RouteError> {
    let sources = match read(directory) {
        Ok(sources) => sources,
        Err(error) => return vec![error],
    };
    let parse = |source: &Source| parse(&source.service, &source.path, &source.text).err();
    let mistakes: Vec<_> = sources.iter().filter_map(parse).collect();
    if mistakes.is_empty() {
        return table(&sources).err().into_iter().collect();
    }
    mistakes
}
