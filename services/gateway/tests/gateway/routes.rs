//! What a route may ask of a request beside its path, and what it says about the way from there.

use crate::support::route_files;
use gateway::routes::{Found, Lookup, RouteError, Table, load};
use http::{HeaderMap, HeaderName, Method};
use std::collections::BTreeSet;

fn table(files: &[(&str, &str)]) -> Result<Table, RouteError> {
    load(route_files(files).path())
}

/// A route of this path with these keys, open to everybody.
fn route(path: &str, keys: &str) -> String {
    format!("[[route]]\npath = \"{path}\"\nauth = \"none\"\n{keys}\n")
}

/// Who answers a request, and under which path.
fn answer(table: &Table, host: &str, path: &str, header: &str) -> String {
    let mut headers = HeaderMap::new();
    if let Some((name, value)) = header.split_once('=') {
        headers.insert(
            name.parse::<HeaderName>().expect("a name"),
            value.parse().expect("a value"),
        );
    }
    match table.lookup(&Method::GET, Some(host), path, &headers) {
        Lookup::Found(Found { route, path }) => match path {
            Some(path) => format!("{} {path}", route.service),
            None => route.service.to_string(),
        },
        Lookup::WrongMethod(_) => "wrong method".into(),
        Lookup::Unknown => "unknown".into(),
    }
}

#[test]
fn every_mistake_in_a_term_is_named_with_its_line() {
    let mistakes = [
        ("host = \"a:80\"", "4: `a:80` is no host"),
        ("host = \"*\"", "4: `*` is no host"),
        ("headers = { \"a b\" = \"1\" }", "4: `a b` names no header"),
        ("headers = { host = \"a\" }", "4: say `host"),
        ("headers = { x-a = \"1\", X-A = \"2\" }", "is named twice"),
        ("rewrite = \"/b/{id}\"", "4: `{id}` is not in the path `/a`"),
        ("rewrite = \"/internal/x\"", "4: `/internal` is never"),
        ("rewrite = \"b\"", "4: `b` does not start with `/`"),
        ("limit = { rate = \"50\" }", "4: `50` is no rate"),
        ("limit = { rate = \"0/s\" }", "4: `0/s` is no rate"),
        ("limit = { rate = \"5/s\", burst = 0 }", "4: "),
        (
            "limit = { rate = \"5/s\", by = \"identity\" }",
            "4: `by = \"identity\"` needs `auth",
        ),
        (
            "limit = { rate = \"5/s\", per = 1 }",
            "4: unknown field `per`",
        ),
        ("to = []", "4: the sum of the weights is 0"),
        (
            "to = [\n{ service = \"b\", weight = 0 }]",
            "4: the sum of the weights is 0",
        ),
        (
            "to = [\n{ service = \"b\", weight = 1 },\n{ service = \"B\", weight = 1 }]",
            "6: `B` is no name of a service",
        ),
        (
            "to = [{ service = \"b\", weight = 1 }, { service = \"b\", weight = 2 }]",
            "4: `b` is named twice",
        ),
        ("to = [{ service = \"b\", weight = -1 }]", "4: "),
        ("cors = [\"https://a/b\"]", "4: `https://a/b` is no origin"),
        (
            "cors = [\n\"app.example\"]",
            "5: `app.example` is no origin",
        ),
        ("coalesce = true", "4: only `methods = [\"GET\"]`"),
        ("timeout = \"1d\"", "4: no answer may take longer"),
    ];
    for (keys, expected) in mistakes {
        let said = table(&[("nlu", &route("/a", keys))])
            .expect_err("it is wrong")
            .to_string();
        assert!(said.contains("nlu.toml:"), "{said}");
        assert!(said.contains(expected), "{keys}\n{said}");
    }
    assert!(table(&[("nlu", "\n")]).is_err_and(|error| error.to_string().contains("empty")));
}

#[test]
fn the_closer_host_wins_then_more_headers_then_the_closer_path() {
    let files = [
        ("plain", route("/a/b", "") + &route("/a/{*rest}", "")),
        (
            "yes",
            route("/a/{*rest}", "headers = { x-canary = \"yes\" }"),
        ),
        ("any", route("/a/{*rest}", "headers = { x-canary = \"*\" }")),
        ("wild", route("/{*rest}", "host = \"*.example.org\"")),
        ("deep", route("/{*rest}", "host = \"*.b.example.org\"")),
        ("exact", route("/a/{*rest}", "host = \"a.B.example.org\"")),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, &**text)).collect();
    let table = table(&files).unwrap();
    for (host, path, header, expected) in [
        ("localhost:8080", "/a/b", "", "plain"),
        ("localhost:8080", "/a/b", "x-canary=yes", "yes"),
        ("localhost:8080", "/a/b", "x-canary=no", "any"),
        ("localhost:8080", "/b", "", "unknown"),
        ("a.b.example.org", "/a/b", "x-canary=yes", "exact"),
        ("A.b.example.org.:443", "/a/c", "", "exact"),
        ("a.b.example.org", "/b", "", "deep"),
        ("c.example.org", "/a/b", "", "wild"),
        ("c.example.org", "/api/x", "", "wild"),
        ("example.org", "/a/b", "", "plain"),
        ("badexample.org", "/b", "", "unknown"),
    ] {
        assert_eq!(
            answer(&table, host, path, header),
            expected,
            "{host} {path} {header}"
        );
    }
    let ids: BTreeSet<_> = table.routes().iter().map(|route| route.id).collect();
    assert!(ids.into_iter().eq(0..7));
}

#[test]
fn of_two_conditions_that_both_hold_the_closer_path_wins() {
    let files = [
        ("one", route("/a/{*rest}", "headers = { x-one = \"1\" }")),
        ("two", route("/a/{id}", "headers = { x-two = \"2\" }")),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, &**text)).collect();
    let table = table(&files).unwrap();
    let headers: HeaderMap = [("x-one", "1"), ("x-two", "2")]
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let Lookup::Found(found) = table.lookup(&Method::GET, None, "/a/b", &headers) else {
        panic!("nothing found");
    };
    assert_eq!(&*found.route.service, "two");
}

#[test]
fn routes_that_nothing_tells_apart_are_refused() {
    let both = |one: &str, other: &str| {
        table(&[
            ("api", &route("/a/{id}", one)),
            ("nlu", &route("/a/{key}", other)),
        ])
    };
    let host = "host = \"a.org\"";
    let header = |name: &str, value: &str| format!("headers = {{ {name} = \"{value}\" }}");
    for (one, other) in [
        (host, host),
        (&*header("x-a", "1"), &*header("x-a", "1")),
        (&header("x-a", "1"), &header("x-b", "1")),
        (&header("x-a", "*"), &header("x-b", "*")),
    ] {
        let said = both(one, other).expect_err("they clash").to_string();
        assert!(
            said.contains("nlu.toml:1") && said.contains("api.toml:1"),
            "{said}"
        );
    }
    for (one, other) in [
        (host, ""),
        (host, "host = \"b.org\""),
        (host, "host = \"*.org\""),
        (&*header("x-a", "1"), ""),
        (&header("x-a", "1"), &header("x-a", "2")),
        (&header("x-a", "1"), &header("x-a", "*")),
        (
            &header("x-a", "1"),
            "headers = { x-a = \"1\", x-b = \"1\" }",
        ),
    ] {
        both(one, other).unwrap();
    }
}

#[test]
fn a_rewritten_path_has_what_the_request_had_and_never_leads_inside() {
    let table = table(&[(
        "s",
        &[
            route("/a/{id}/b/{*rest}", "rewrite = \"/new/{id}/{*rest}\""),
            route("/strip/{*all}", "rewrite = \"/{*all}\""),
            route("/fixed", "rewrite = \"/x/y\""),
        ]
        .concat(),
    )])
    .unwrap();
    for (path, expected) in [
        ("/a/1/b/c/d", "s /new/1/c/d"),
        ("/a/1/b/c%20d", "s /new/1/c%20d"),
        ("/a/1/b", "s /new/1"),
        ("/a/1/b/", "s /new/1/"),
        ("/strip", "s /"),
        ("/strip/x/", "s /x/"),
        ("/strip/internal/v1", "unknown"),
        ("/strip/INTERNAL", "unknown"),
        ("/fixed", "s /x/y"),
    ] {
        assert_eq!(answer(&table, "h", path, ""), expected, "{path}");
    }
}
