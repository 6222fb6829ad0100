//! What goes and what stays, case by case.

use serde_json::json;
use std::collections::BTreeSet;

use super::image::Image;
use super::plan::{
    Manifest, Manifests, Needs, OwnFile, Verdict, files, images, kept_numbers, manifests, releases,
};
use crate::release::{Kind, ResultKind, Summary, sample};
use crate::render::FileKind;

const NAMESPACE: &str = "registry.test/stoa";

fn summary(number: u64, result: ResultKind) -> Summary {
    Summary {
        number,
        at: String::new(),
        what: "deploy".into(),
        version: String::new(),
        by: "alice".into(),
        result: Some(result),
        seconds: None,
    }
}

fn removed<T: Clone>(verdicts: &[Verdict<T>]) -> Vec<T> {
    let removed = verdicts.iter().filter(|verdict| verdict.is_removed);
    removed.map(|verdict| verdict.thing.clone()).collect()
}

#[test]
fn the_newest_releases_stay() {
    let all: Vec<Summary> = (1..=9)
        .rev()
        .map(|number| summary(number, ResultKind::Succeeded))
        .collect();
    assert_eq!(kept_numbers(&all, 3), BTreeSet::from([7, 8, 9]));
    assert_eq!(removed(&releases(&all, 7)), [2, 1]);
}

#[test]
fn the_live_release_and_the_one_before_it_stay_however_old() {
    let ends = [
        ResultKind::PutBack,
        ResultKind::Failed,
        ResultKind::Succeeded,
        ResultKind::PutBack,
        ResultKind::Succeeded,
        ResultKind::Succeeded,
    ];
    let all: Vec<Summary> = ends
        .iter()
        .zip((1..=6).rev())
        .map(|(end, number)| summary(number, *end))
        .collect();
    assert_eq!(kept_numbers(&all, 1), BTreeSet::from([6, 4, 2]));
    let verdicts = releases(&all, 1);
    assert_eq!(removed(&verdicts), [5, 3, 1]);
    assert_eq!(verdicts[2].why, "live");
    assert_eq!(verdicts[4].why, "live before");
}

#[test]
fn files_stay_that_a_release_or_a_service_needs() {
    let mut needs = Needs::default();
    needs.add_release(&sample(1, Kind::Deploy), "", NAMESPACE);
    let container = json!({ "Secrets": [{ "SecretName": "jwt-0" }], "Configs": [{ "ConfigName": "edge-old" }] });
    needs.add_container(&container, "service edge_edge", NAMESPACE);
    let file = |kind, name: &str| OwnFile {
        kind,
        name: name.into(),
    };
    let own = [
        file(FileKind::Config, "edge-000000000001"),
        file(FileKind::Config, "edge-old"),
        file(FileKind::Config, "edge-older"),
        file(FileKind::Secret, "jwt-0"),
        file(FileKind::Secret, "redis_url-0123456789ab"),
        // A secret is not kept by a config of its name.
        file(FileKind::Secret, "edge-old"),
    ];
    let verdicts = files(&own, &needs);
    assert_eq!(removed(&verdicts), [own[2].clone(), own[5].clone()]);
    assert_eq!(verdicts[0].why, "needed by release 1");
    assert_eq!(verdicts[3].why, "needed by service edge_edge");
}

fn manifest(number: u64) -> Manifest {
    Manifest {
        repository: "stoa/api".into(),
        digest: format!("sha256:{number:064x}"),
    }
}

fn tags(numbers: &[u64]) -> BTreeSet<String> {
    numbers
        .iter()
        .map(|number| format!("{number:040x}"))
        .collect()
}

/// Releases 1 and 2 go, release 3 stays.
fn verdicts(found: &Manifests) -> Vec<Verdict<Manifest>> {
    let mut needs = Needs::default();
    needs.add_release(&sample(3, Kind::Deploy), "", NAMESPACE);
    let going: BTreeSet<Image> = [1, 2]
        .iter()
        .flat_map(|number| images(&sample(*number, Kind::Deploy), NAMESPACE))
        .collect();
    manifests(found, &going, &needs)
}

#[test]
fn manifests_go_with_the_last_release_that_needs_them() {
    let found = [1, 2, 3]
        .map(|number| (manifest(number), tags(&[number])))
        .into();
    assert_eq!(removed(&verdicts(&found)), [manifest(1), manifest(2)]);
}

#[test]
fn a_manifest_goes_without_its_tag_too() {
    let found = [(manifest(1), BTreeSet::new())].into();
    assert_eq!(removed(&verdicts(&found)), [manifest(1)]);
}

#[test]
fn a_manifest_stays_that_was_never_deployed() {
    let found = [(manifest(4), tags(&[4]))].into();
    assert!(removed(&verdicts(&found)).is_empty());
}

#[test]
fn a_manifest_stays_that_a_newer_build_came_out_equal_to() {
    let found = [(manifest(1), tags(&[1, 9]))].into();
    let verdicts = verdicts(&found);
    assert!(removed(&verdicts).is_empty());
    assert!(verdicts[0].why.contains("its tag"), "{}", verdicts[0].why);
}

#[test]
fn a_manifest_stays_that_a_service_names_by_its_tag() {
    let found: Manifests = [(manifest(1), tags(&[1]))].into();
    let mut needs = Needs::default();
    let name = format!("registry.test/stoa/api:{:040x}", 1);
    needs.add_container(&json!({ "Image": name }), "service x", NAMESPACE);
    let going = images(&sample(1, Kind::Deploy), NAMESPACE);
    assert!(removed(&manifests(&found, &going, &needs)).is_empty());
}
