//! Route files that the gateway refuses to start with, and what it says about them.

use crate::support::route_files;
use gateway::check;
use gateway::routes::{Lookup, RouteError, Table, load};
use http::{HeaderMap, Method};

fn table(files: &[(&str, &str)]) -> Result<Table, RouteError> {
    load(route_files(files).path())
}

fn refusal(text: &str) -> String {
    table(&[("nlu", text)])
        .expect_err("it is wrong")
        .to_string()
}

#[test]
fn every_mistake_is_named_with_file_line_and_reason() {
    let mistakes = [
        ("[[route]]\npath = \"/a\"\n", "1: missing field `auth`"),
        (
            "\n[[route]]\npath = \"a\"\nauth = \"none\"\n",
            "3: `a` does not start with `/`",
        ),
        (
            "[[route]]\npath = \"/a//b\"\nauth = \"none\"\n",
            "2: `/a//b` has an empty segment",
        ),
        (
            "[[route]]\npath = \"/{*x}/b\"\nauth = \"none\"\n",
            "2: `{*x}` must be the last segment",
        ),
        (
            "[[route]]\npath = \"/{}\"\nauth = \"none\"\n",
            "2: `{}` needs a name",
        ),
        (
            "[[route]]\npath = \"/a b\"\nauth = \"none\"\n",
            "2: `a b` is neither",
        ),
        (
            "[[route]]\npath = \"/internal/v1\"\nauth = \"none\"\n",
            "2: `/internal` is never",
        ),
        (
            "[[route]]\npath = \"/a\"\nauth = \"maybe\"\n",
            "3: unknown variant `maybe`",
        ),
        (
            "[[route]]\npath = \"/a\"\nauth = \"none\"\ntimeuot = \"1s\"\n",
            "4: unknown field `timeuot`",
        ),
        (
            "[[route]]\npath = \"/a\"\nauth = \"none\"\ntimeout = \"1\"\n",
            "4: expected a duration",
        ),
        (
            "[[route]]\npath = \"/a\"\nauth = \"none\"\nbody_limit = \"1k\"\n",
            "4: expected a size",
        ),
        (
            "[[route]]\npath = \"/a\"\nauth = \"none\"\nmethods = [\"get\"]\n",
            "4: `get` is none of",
        ),
        (
            "[[route]]\npath = \"/a\"\nauth = \"none\"\nmethods = []\n",
            "4: leave `methods` out",
        ),
        ("[[route]\n", "1: "),
    ];
    for (text, expected) in mistakes {
        let said = refusal(text);
        assert!(
            said.contains(&format!("nlu.toml:{expected}")),
            "{text}\n{said}"
        );
    }
}

#[test]
fn two_services_cannot_own_the_same_request() {
    let files = [
        (
            "api",
            "[[route]]\npath = \"/a/{id}\"\nmethods = [\"GET\"]\nauth = \"none\"\n",
        ),
        ("nlu", "[[route]]\npath = \"/a/{key}\"\nauth = \"none\"\n"),
    ];
    let said = table(&files).expect_err("they clash").to_string();
    assert!(
        said.contains("nlu.toml:1") && said.contains("api.toml:1"),
        "{said}"
    );
}

#[test]
fn the_most_specific_path_wins_segment_by_segment() {
    let files = [
        ("web", "[[route]]\npath = \"/{*rest}\"\nauth = \"none\"\n"),
        (
            "api",
            "[[route]]\npath = \"/a/{id}\"\nmethods = [\"GET\"]\nauth = \"none\"\n\
                 [[route]]\npath = \"/b/{*rest}\"\nauth = \"none\"\n",
        ),
        (
            "nlu",
            "[[route]]\npath = \"/a/{id}\"\nmethods = [\"PUT\"]\nauth = \"none\"\n\
                 [[route]]\npath = \"/a/{id}/parse\"\nauth = \"none\"\n\
                 [[route]]\npath = \"/b/c\"\nauth = \"none\"\n",
        ),
    ];
    let table = table(&files).unwrap();
    let service =
        |method: Method, path: &str| match table.lookup(&method, None, path, &HeaderMap::new()) {
            Lookup::Found(found) => found.route.service.to_string(),
            Lookup::WrongMethod(_) => "wrong method".into(),
            Lookup::Unknown => "unknown".into(),
        };
    for (method, path, expected) in [
        (Method::GET, "/a/1", "api"),
        (Method::PUT, "/a/1", "nlu"),
        (Method::POST, "/a/1", "wrong method"),
        (Method::POST, "/a/1/parse", "nlu"),
        (Method::GET, "/a/1/other", "web"),
        (Method::GET, "/b", "api"),
        (Method::GET, "/b/", "api"),
        (Method::GET, "/b/c", "nlu"),
        (Method::GET, "/b/c/d", "api"),
        (Method::GET, "/", "web"),
        (Method::GET, "/api/x", "unknown"),
    ] {
        assert_eq!(service(method.clone(), path), expected, "{method} {path}");
    }
}

#[test]
fn a_folder_without_route_files_is_refused() {
    assert!(table(&[]).is_err());
    assert!(load("/nowhere".as_ref()).is_err());
}

#[test]
fn the_files_of_this_workspace_fit_together() {
    let services = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    load(&services).unwrap();
}

#[test]
fn a_check_names_the_first_mistake_of_every_file_in_the_words_of_the_start() {
    let (one, other) = ("[[route]]\npath = \"a\"\nauth = \"none\"\n", "[[route]\n");
    let folder = route_files(&[("api", one), ("nlu", other), ("web", "openapi = false\n")]);
    let said = check(&[folder.path().display().to_string()]).unwrap_err();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("nlu.toml:1: "), "{said}");
    let start = load(folder.path()).unwrap_err().to_string();
    assert!(said.starts_with(&start), "{said}\n{start}");
    let right = route_files(&[("web", "openapi = false\n")]);
    assert!(check(&[right.path().display().to_string()]).is_ok());
}
