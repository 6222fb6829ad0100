//! All routes of all services, and the way from a request to its route.
//!
//! Routes with the same conditions (host, headers) make a tier. A request looks at the tiers whose
//! conditions it meets, those with more conditions first; where no file has a condition there is
//! one tier, and a lookup costs one walk down its tree of paths.

use super::condition::{Host, can_both_hold};
use super::template::{is_closer, shape};
use super::{HeaderCondition, Route, RouteError, RouteFile};
use crate::path::is_internal;
use http::{HeaderMap, Method};
use matchit::Params;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tree in which an unknown path is a problem and not a page.
const API: &str = "/api";

/// The routes of every service.
#[derive(Debug, Default)]
pub struct Table {
    tiers: Vec<Tier>,
    routes: Vec<Arc<Route>>,
    documented: Vec<Arc<str>>,
}

/// What the table knows about a request.
#[derive(Debug)]
pub enum Lookup {
    /// This route answers.
    Found(Found),
    /// The path exists, with these methods only.
    WrongMethod(Vec<Method>),
    /// Nobody serves the path.
    Unknown,
}

/// The route of a request.
#[derive(Debug)]
pub struct Found {
    /// The route.
    pub route: Arc<Route>,
    /// The path that its service is asked for, if it is another one.
    pub path: Option<String>,
}

impl Table {
    /// Joins the files; two routes that could answer the same request are an error.
    pub fn new(files: Vec<RouteFile>) -> Result<Self, RouteError> {
        let mut shapes: BTreeMap<String, Vec<Arc<Route>>> = BTreeMap::new();
        let mut table = Self::default();
        for file in files {
            if file.openapi {
                table.documented.push(Arc::clone(&file.service));
            }
            for mut route in file.routes {
                let same = shapes.entry(shape(&route.path)).or_default();
                refuse_duplicate(same, &route)?;
                route.id = table.routes.len();
                let route = Arc::new(route);
                same.push(Arc::clone(&route));
                table.routes.push(route);
            }
        }
        for (shape, routes) in shapes {
            for route in routes {
                table.tier(&route).insert(&shape, route)?;
            }
        }
        table.tiers.iter_mut().for_each(Tier::insert_bare_paths);
        table.tiers.sort_by_key(|tier| std::cmp::Reverse(tier.rank));
        Ok(table)
    }

    /// The tier of a route's conditions.
    fn tier(&mut self, route: &Route) -> &mut Tier {
        let is_same = |tier: &Tier| tier.host == route.host && tier.headers == route.headers;
        let at = self.tiers.iter().position(is_same).unwrap_or_else(|| {
            self.tiers.push(Tier::new(route));
            self.tiers.len() - 1
        });
        &mut self.tiers[at]
    }

    /// Finds the route of a request: the closer host, then more headers, then the closer path.
    pub fn lookup(
        &self,
        method: &Method,
        host: Option<&str>,
        path: &str,
        headers: &HeaderMap,
    ) -> Lookup {
        let mut best: Option<(Rank, &Arc<Route>, Params)> = None;
        let mut methods = Vec::new();
        for tier in self.tiers.iter().filter(|tier| tier.takes(host, headers)) {
            if best.as_ref().is_some_and(|(rank, ..)| *rank > tier.rank) {
                break;
            }
            let Some((routes, params)) = tier.find(path) else {
                continue;
            };
            let Some(route) = routes.iter().find(|route| route.answers(method)) else {
                methods.extend(
                    routes
                        .iter()
                        .flat_map(|route| route.methods.iter().cloned()),
                );
                continue;
            };
            let closer =
                |(_, other, _): &(Rank, &Arc<Route>, Params)| is_closer(&route.path, &other.path);
            if best.as_ref().is_none_or(closer) {
                best = Some((tier.rank, route, params));
            }
        }
        match best {
            Some((_, route, params)) => found(route, path, &params),
            None if methods.is_empty() => Lookup::Unknown,
            None => Lookup::WrongMethod(methods),
        }
    }

    /// Whether any route is for a host: if none is, nobody needs to say one to [`Self::lookup`].
    pub(crate) fn has_hosts(&self) -> bool {
        self.tiers.iter().any(|tier| tier.host.is_some())
    }

    /// The paths and routes by which anybody may reach an operation that a service has at `path`: its own path, by the
    /// route with the fewest conditions, and those that are rewritten to it.
    pub fn public(&self, service: &str, method: &Method, path: &str) -> Vec<(String, &Route)> {
        // Nothing leads below `/internal`, whatever a rewrite says.
        if is_internal(path) {
            return Vec::new();
        }
        let is_it = |route: &Route| &*route.service == service && route.answers(method);
        let mut tiers = self.tiers.iter().rev().filter_map(|tier| tier.find(path));
        let own = tiers.find_map(|(routes, _)| {
            let is_own = |route: &&Arc<Route>| route.rewrite.is_none() && is_it(route);
            routes.iter().find(is_own)
        });
        let rewritten = self.routes.iter().filter(|route| is_it(route));
        let rewritten = rewritten.filter_map(|route| {
            let public = route.rewrite.as_ref()?.undo(path, &route.path)?;
            self.leads(&public, route).then_some((public, &**route))
        });
        own.map(|route| (path.to_owned(), &**route))
            .into_iter()
            .chain(rewritten)
            .collect()
    }

    /// Whether no closer route takes a path from this one.
    fn leads(&self, path: &str, to: &Arc<Route>) -> bool {
        let mut tiers = self.tiers.iter().filter_map(|tier| tier.find(path));
        tiers.any(|(routes, _)| routes.iter().any(|route| Arc::ptr_eq(route, to)))
    }

    /// Every route, at the place of its `id`.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Every service that a request can go to.
    pub fn services(&self) -> BTreeSet<&str> {
        let services = self.routes.iter().flat_map(|route| route.services());
        services
            .chain(self.documented.iter().map(|name| &**name))
            .collect()
    }

    /// The services that have an OpenAPI document.
    pub fn documented(&self) -> &[Arc<str>] {
        &self.documented
    }
}

fn found(route: &Arc<Route>, path: &str, params: &Params) -> Lookup {
    let new = route
        .rewrite
        .as_ref()
        .map(|rewrite| rewrite.apply(path, params));
    // A parameter may say anything, also `internal`.
    if new.as_deref().is_some_and(is_internal) {
        return Lookup::Unknown;
    }
    Lookup::Found(Found {
        route: Arc::clone(route),
        path: new,
    })
}

/// How particular conditions are: the host, how many headers, how many with a value.
type Rank = (usize, usize, usize);

fn rank(route: &Route) -> Rank {
    let host = route.host.as_ref().map_or(0, Host::rank);
    let exact = route.headers.iter().filter(|header| header.value.is_some());
    (host, route.headers.len(), exact.count())
}

/// The routes of the same conditions.
#[derive(Debug)]
struct Tier {
    host: Option<Host>,
    headers: Vec<HeaderCondition>,
    rank: Rank,
    paths: matchit::Router<usize>,
    routes: Vec<(String, Vec<Arc<Route>>)>,
}

impl Tier {
    fn new(route: &Route) -> Self {
        Self {
            host: route.host.clone(),
            headers: route.headers.clone(),
            rank: rank(route),
            paths: matchit::Router::new(),
            routes: Vec::new(),
        }
    }

    /// Takes in a route; those of one shape come one after the other.
    fn insert(&mut self, shape: &str, route: Arc<Route>) -> Result<(), RouteError> {
        if let Some((last, routes)) = self.routes.last_mut()
            && last == shape
        {
            routes.push(route);
            return Ok(());
        }
        let at = self.routes.len();
        let refuse = |error: matchit::InsertError| malformed(&route, error.to_string());
        self.paths.insert(shape, at).map_err(refuse)?;
        self.routes.push((shape.to_owned(), vec![route]));
        Ok(())
    }

    /// `{*rest}` also stands for nothing: `/a/{*rest}` answers `/a/` and `/a`, unless another route
    /// names them.
    fn insert_bare_paths(&mut self) {
        for (at, (shape, _)) in self.routes.iter().enumerate() {
            let Some(prefix) = shape.strip_suffix("{*rest}") else {
                continue;
            };
            for bare in [prefix, prefix.trim_end_matches('/')] {
                // Refused when the bare path has a route of its own, which is the closer one.
                if !bare.is_empty() {
                    drop(self.paths.insert(bare, at));
                }
            }
        }
    }

    fn takes(&self, host: Option<&str>, headers: &HeaderMap) -> bool {
        let is_host = |wanted: &Host| host.is_some_and(|host| wanted.matches(host));
        self.host.as_ref().is_none_or(is_host)
            && self.headers.iter().all(|header| header.holds(headers))
    }

    /// The routes of a path.
    fn find<'t, 'p>(&'t self, path: &'p str) -> Option<(&'t [Arc<Route>], Params<'t, 'p>)> {
        let found = self.paths.at(path).ok()?;
        let (_, routes) = &self.routes[*found.value];
        // The console answers what nobody else does, but an API path is never a page.
        let is_page = self.host.is_none() && routes[0].path.starts_with("/{*");
        if is_page && (path == API || path.starts_with("/api/")) {
            return None;
        }
        Some((routes, found.params))
    }
}

fn refuse_duplicate(same: &[Arc<Route>], route: &Route) -> Result<(), RouteError> {
    let clash = same.iter().find(|other| {
        let overlap = |method| other.methods.contains(method);
        let methods = other.methods.is_empty()
            || route.methods.is_empty()
            || route.methods.iter().any(overlap);
        methods
            && rank(other) == rank(route)
            && other.host == route.host
            && can_both_hold(&other.headers, &route.headers)
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
