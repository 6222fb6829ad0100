//! Whether anybody hears of the alerts of a cluster.

use reqwest::Url;

use crate::render::{File, FileKind};

/// The secret that says where Alertmanager sends alerts.
const ADDRESS: &str = "alerts_url";
/// What the names end in that lead nowhere (RFC 2606); `ci/compose/secrets` makes such an address.
const NOWHERE: &str = ".invalid";

/// What to say where alerts lead nowhere. The address is a secret, so it is not shown.
pub(super) fn unheard(files: &[File], cluster: &str) -> Option<String> {
    let is_address = |file: &&File| file.kind == FileKind::Secret && file.source == ADDRESS;
    let content = &files.iter().find(is_address)?.content;
    let url = Url::parse(String::from_utf8_lossy(content).trim()).ok();
    let host = url.as_ref().and_then(Url::host_str);
    let leads_nowhere = host.is_none_or(|host| host.ends_with(NOWHERE));
    leads_nowhere.then(|| {
        format!(
            "WARNING: the alerts of {cluster} lead nowhere, nobody hears of any: write the address of a webhook into \
             `{ADDRESS}` in its folder of secrets, and deploy again"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a deploy with this content of the secret `source` says.
    fn told(source: &str, content: &str) -> Option<String> {
        let file = File {
            kind: FileKind::Secret,
            source: source.into(),
            name: format!("{source}-hash"),
            content: content.into(),
        };
        unheard(&[file], "staging")
    }

    #[test]
    fn alerts_that_lead_nowhere_are_told_without_their_address() {
        for nowhere in [
            "http://alerts.invalid/",
            "https://alerts.invalid:8443",
            "",
            "?",
        ] {
            let told = told(ADDRESS, nowhere);
            let told = told.unwrap_or_else(|| panic!("nothing of `{nowhere}`"));
            assert!(
                told.contains("the alerts of staging lead nowhere"),
                "{told}"
            );
            assert!(!told.contains("alerts.invalid"), "{told}");
        }
    }

    #[test]
    fn alerts_that_somebody_hears_of_are_not_told() {
        let heard = "https://hooks.example.org/stoa\n";
        assert_eq!(told(ADDRESS, heard), None);
        assert_eq!(told("redis_url", ""), None);
    }

    #[test]
    fn the_address_that_is_made_first_leads_nowhere() {
        let script = include_str!("../../../compose/secrets");
        let (_, made) = script.split_once("once alerts_url \"").unwrap();
        assert!(told(ADDRESS, made.split('"').next().unwrap()).is_some());
    }
}
