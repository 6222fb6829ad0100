//! All routes of all services, and the way from a path to its route.

use super::{Route, RouteError, RouteFile};
use http::Method;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tree in which an unknown path is a problem and not a page.
const API: &str = "/api";

/// The routes of every service.
#[derive(Debug, Default)]
pub struct Table {
    paths: matchit::Router<usize>,
    routes: Vec<Vec<Arc<Route>>>,
    documented: Vec<Arc<str>>,
}

/// What the table knows about a path and a method.
#[derive(Debug)]
pub enum Lookup {
    /// This route answers.
    Found(Arc<Route>),
    /// The path exists, with these methods only.
    WrongMethod(Vec<Method>),
    /// Nobody serves the path.
    Unknown,
}

impl Table {
    /// Joins the files; two routes that could answer the same request are an error.
    pub fn new(files: Vec<RouteFile>) -> Result<Self, RouteError> {
        let mut shapes: BTreeMap<String, Vec<Arc<Route>>> = BTreeMap::new();
        let mut documented = Vec::new();
        for file in files {
            if file.openapi {
                documented.push(Arc::clone(&file.service));
            }
            for route in file.routes {
                let same = shapes.entry(shape(&route.path)).or_default();
                refuse_duplicate(same, &route)?;
                same.push(Arc::new(route));
            }
        }
        let mut table = Self {
            documented,
            ..Self::default()
        };
        for (shape, routes) in shapes {
            table.insert(&shape, routes)?;
        }
        Ok(table)
    }

    fn insert(&mut self, shape: &str, routes: Vec<Arc<Route>>) -> Result<(), RouteError> {
        let at = self.routes.len();
        let refuse = |error: matchit::InsertError| malformed(&routes[0], error.to_string());
        self.paths.insert(shape, at).map_err(refuse)?;
        // `{*rest}` also stands for nothing: `/a/{*rest}` answers `/a/` and `/a`, unless
        // another route names them.
        if let Some(prefix) = shape.strip_suffix("{*rest}") {
            for bare in [prefix, prefix.trim_end_matches('/')]
                .into_iter()
                .filter(|b| !b.is_empty())
            {
                // Refused when the bare path has a route of its own, which is the closer one.
                drop(self.paths.insert(bare, at));
            }
        }
        self.routes.push(routes);
        Ok(())
    }

    /// Finds the route of a path: literal before `{name}` before `{*rest}`, segment by segment.
    pub fn lookup(&self, method: &Method, path: &str) -> Lookup {
        let Ok(found) = self.paths.at(path) else {
            return Lookup::Unknown;
        };
        let routes = &self.routes[*found.value];
        // The console answers what nobody else does, but an API path is never a page.
        if routes[0].path.starts_with("/{*") && (path == API || path.starts_with("/api/")) {
            return Lookup::Unknown;
        }
        match routes.iter().find(|route| route.answers(method)) {
            Some(route) => Lookup::Found(Arc::clone(route)),
            None => Lookup::WrongMethod(
                routes
                    .iter()
                    .flat_map(|route| route.methods.iter().cloned())
                    .collect(),
            ),
        }
    }

    /// Every route.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter().flatten()
    }

    /// The services that have an OpenAPI document.
    pub fn documented(&self) -> &[Arc<str>] {
        &self.documented
    }
}

/// The path without the names of its parameters, which need not agree between files.
fn shape(path: &str) -> String {
    let rename = |(at, segment): (usize, &str)| match segment.strip_prefix('{') {
        Some(rest) if rest.starts_with('*') => "{*rest}".to_owned(),
        Some(_) => format!("{{p{at}}}"),
        None => segment.to_owned(),
    };
    path.split('/')
        .enumerate()
        .map(rename)
        .collect::<Vec<_>>()
        .join("/")
}

fn refuse_duplicate(same: &[Arc<Route>], route: &Route) -> Result<(), RouteError> {
    let clash = same.iter().find(|other| {
        let overlap = |method| other.methods.contains(method);
        other.methods.is_empty() || route.methods.is_empty() || route.methods.iter().any(overlap)
    });
    match clash {
        Some(other) => Err(malformed(
            route,
            format!(
                "`{}` has a route for the same method at {}",
                route.path, other.origin
            ),
        )),
        None => Ok(()),
    }
}

fn malformed(route: &Route, reason: String) -> RouteError {
    RouteError::Malformed {
        origin: route.origin.clone(),
        reason,
    }
}
