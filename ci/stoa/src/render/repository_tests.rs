//! What this repository renders to.

use serde_json::Value;
use std::path::{Path, PathBuf};

use super::{PROBES, Rendered, STACKS, render};
use crate::cluster::{self, Cluster, Https, Plain};
use crate::yaml;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rendered(name: &str) -> (Cluster, Rendered) {
    let cluster = Cluster::load(&root(), name).unwrap();
    let rendered = render(&root(), &cluster, "abc", None);
    let rendered = rendered.unwrap_or_else(|error| panic!("{name}: {error:#}"));
    (cluster, rendered)
}

#[test]
fn it_renders_for_every_cluster() {
    for name in cluster::names(&root()).unwrap() {
        let (cluster, rendered) = rendered(&name);
        assert_eq!(rendered.stacks.len(), STACKS.len());
        let edge = &rendered.stacks[2].document;
        assert_eq!(edge[PROBES][0], "/", "{name}: clients are not asked for");
        assert!(
            rendered
                .images()
                .iter()
                .all(|image| image.starts_with(&cluster.registry))
        );
    }
}

#[test]
fn a_cluster_that_says_https_has_it_at_the_edge_and_needs_the_whole_pair() {
    let mut cluster = Cluster::load(&root(), "staging").unwrap();
    cluster.https = Some(Https {
        port: 443,
        plain_port: None,
        plain: Plain::Redirect,
    });
    let rendered = render(&root(), &cluster, "abc", None).unwrap();
    let document = &rendered.stacks[2].document;
    let edge = &document["services"]["edge"];
    assert_eq!(edge["ports"][1]["published"], 443);
    let port = edge["ports"][1]["target"].as_u64().unwrap();
    let nginx = std::fs::read_to_string(root().join("stacks/edge/https.conf")).unwrap();
    assert!(nginx.contains(&format!("listen {port} ssl")), "{nginx}");
    for secret in edge["secrets"].as_array().unwrap() {
        let name = secret.as_str().unwrap();
        assert_eq!(document["secrets"][name]["external"], true, "{name}");
        let path = format!("/run/secrets/{name};");
        assert!(nginx.contains(&path), "nothing reads {path}");
    }

    let secrets = tempfile::tempdir().unwrap();
    for file in rendered
        .files
        .iter()
        .filter(|file| file.source != "edge_key")
    {
        std::fs::write(secrets.path().join(&file.source), "").unwrap();
    }
    cluster.secrets = secrets.path().into();
    let Err(refused) = render(&root(), &cluster, "abc", Some(b"key")) else {
        panic!("a certificate without its key was taken");
    };
    let refused = format!("{refused:#}");
    assert!(
        refused.contains("missing: edge_key (of edge);"),
        "{refused}"
    );
}

/// The networks where Prometheus finds the tasks of a stack: it drops what its first rule does not name.
fn watched(stack: &str) -> Vec<String> {
    let settings: Value = yaml::read(&root().join("monitoring/prometheus.yml")).unwrap();
    let rules = settings["scrape_configs"][0]["relabel_configs"].as_array();
    let mut kept = rules.into_iter().flatten().filter_map(|rule| {
        let sources = rule["source_labels"].as_array()?;
        (sources[0] == "__meta_dockerswarm_network_name").then(|| rule["regex"].as_str())?
    });
    let pairs = kept.next().unwrap().split('|');
    let pairs = pairs.filter_map(|pair| pair.split_once(';'));
    pairs
        .filter(|(_, of)| [".*", stack].contains(of))
        .map(|(network, _)| network.trim_start_matches("stoa_").to_owned())
        .collect()
}

#[test]
fn prometheus_meets_the_edge_and_whatever_says_where_its_metrics_are() {
    let (_, rendered) = rendered("production");
    let services = |name: &str| {
        let stack = rendered.stacks.iter().find(|stack| stack.name == name);
        stack.unwrap().document["services"].as_object().unwrap()
    };
    let joins = |service: &Value, network: &String| match &service["networks"] {
        Value::Array(names) => names.iter().any(|name| name == network),
        names => names.get(network).is_some(),
    };
    let prometheus = &services("monitoring")["prometheus"];
    let mut met = Vec::new();
    for stack in STACKS {
        let networks = watched(stack);
        for (name, service) in services(stack) {
            if service["deploy"]["labels"]["dev.stoa.metrics"].is_null() {
                continue;
            }
            let mut common = networks.iter().filter(|network| joins(service, network));
            assert!(common.any(|network| joins(prometheus, network)), "{name}");
            met.push(name.as_str());
        }
    }
    let expected = [
        "rabbitmq-1",
        "rabbitmq-2",
        "rabbitmq-3",
        "edge",
        "node-exporter",
    ];
    assert_eq!(met, expected);
    let port = &services("edge")["edge"]["deploy"]["labels"]["dev.stoa.metrics"];
    let port = port.as_str().unwrap();
    let nginx = std::fs::read_to_string(root().join("stacks/edge/edge.conf")).unwrap();
    let (_, server) = nginx.split_once(&format!("listen {port};")).unwrap();
    assert!(server.contains("location = /metrics {"), "{server}");
}
