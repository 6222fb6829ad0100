//! HTTPS where a cluster has a certificate, spoken by the service that its stack names:
//! `x-https: {service: edge, plain: 8080, encrypted: 8443}`.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::merge::merge;
use crate::cluster::{Https, Plain};

/// The chain of certificates, PEM, the edge's own first; and its private key, PEM.
pub(crate) const CERTIFICATE: &str = "edge_certificate";
pub(crate) const KEY: &str = "edge_key";

/// Who speaks it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speaker {
    service: String,
    /// The port of its own where requests come without TLS.
    plain: u16,
    /// That for HTTPS.
    encrypted: u16,
}

/// Gives the service the certificate, the port, and the settings that its `serve` reads, if the cluster has HTTPS.
pub(super) fn add(stack: &mut Map<String, Value>, https: Option<&Https>) -> anyhow::Result<()> {
    let (Some(asked), Some(https)) = (stack.remove("x-https"), https) else {
        return Ok(());
    };
    let speaker: Speaker = serde_json::from_value(asked).context("`x-https`")?;
    let services = stack.get_mut("services");
    let service = services.and_then(|services| services.get_mut(&speaker.service));
    let service = service
        .with_context(|| format!("`x-https` names `{}`, which is not there", speaker.service))?;
    let redirects = https.plain == Plain::Redirect;
    let added = json!({
        "environment": {
            "HTTPS_PORT": https.port.to_string(),
            "HTTPS_REDIRECT": if redirects { "yes" } else { "no" },
        },
        "ports": [{
            "target": speaker.encrypted, "published": https.port, "protocol": "tcp", "mode": "host",
        }],
        "secrets": [CERTIFICATE, KEY],
    });
    let plain = published(service, speaker.plain)
        .context("`x-https` names a port that is not published")?;
    if let Some(port) = https.plain_port {
        *plain = port.into();
    }
    ensure!(
        *plain != https.port,
        "`https`: port {} cannot be the one without TLS as well",
        https.port
    );
    merge(service, added);
    Ok(())
}

/// The port of the node that leads to a port of the service.
fn published(service: &mut Value, target: u16) -> Option<&mut Value> {
    let ports = service.get_mut("ports")?.as_array_mut()?;
    let port = ports.iter_mut().find(|port| port["target"] == target)?;
    port.get_mut("published")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(of: &str) -> Map<String, Value> {
        let stack = json!({
            "x-https": { "service": of, "plain": 8080, "encrypted": 8443 },
            "services": { "edge": { "ports": [{ "target": 8080, "published": 8080 }] } },
        });
        stack.as_object().unwrap().clone()
    }

    fn https(plain_port: Option<u16>, plain: Plain) -> Https {
        Https {
            port: 443,
            plain_port,
            plain,
        }
    }

    #[test]
    fn the_edge_gets_certificate_port_and_settings() {
        let mut stack = stack("edge");
        let plain = https(Some(80), Plain::Redirect);
        add(&mut stack, Some(&plain)).unwrap();
        let expected = json!({
            "environment": { "HTTPS_PORT": "443", "HTTPS_REDIRECT": "yes" },
            "ports": [
                { "target": 8080, "published": 80 },
                { "target": 8443, "published": 443, "protocol": "tcp", "mode": "host" },
            ],
            "secrets": ["edge_certificate", "edge_key"],
        });
        assert_eq!(stack["services"]["edge"], expected);
    }

    #[test]
    fn what_comes_without_tls_is_served_where_it_was_if_the_cluster_wants_that() {
        let mut stack = stack("edge");
        add(&mut stack, Some(&https(None, Plain::Serve))).unwrap();
        let edge = &stack["services"]["edge"];
        assert_eq!(edge["environment"]["HTTPS_REDIRECT"], "no");
        assert_eq!(edge["ports"][0]["published"], 8080);
    }

    #[test]
    fn a_cluster_without_https_has_the_stack_as_it_is() {
        let mut stack = stack("edge");
        let services = stack["services"].clone();
        add(&mut stack, None).unwrap();
        assert_eq!(Value::Object(stack), json!({ "services": services }));
    }

    #[test]
    fn one_port_is_not_both_and_the_service_is_there() {
        let both = https(Some(443), Plain::Serve);
        let refused = add(&mut stack("edge"), Some(&both)).unwrap_err();
        assert!(refused.to_string().contains("port 443"), "{refused}");
        let refused = add(&mut stack("ghost"), Some(&both)).unwrap_err();
        assert!(refused.to_string().contains("`ghost`"), "{refused}");
    }
}
