use super::*;
use serde_json::json;

fn lines(before: &Value, after: &Value) -> Vec<String> {
    let stack = |document: &Value| StackRecord {
        name: "platform".into(),
        document: document.clone(),
    };
    changes(&[stack(before)], &[stack(after)])
}

fn image_at(tag: char, digest: char) -> Value {
    let (tag, digest) = (tag.to_string().repeat(40), digest.to_string().repeat(64));
    json!({ "services": { "api": { "image": format!("r.test:5000/stoa/api:{tag}@sha256:{digest}") } } })
}

#[test]
fn the_same_stacks_have_no_line() {
    assert!(lines(&image_at('a', 'b'), &image_at('a', 'b')).is_empty());
}

#[test]
fn an_image_is_shown_by_what_is_new_about_it() {
    let old = image_at('a', 'b');
    assert_eq!(
        lines(&old, &image_at('c', 'd')),
        ["platform: api image aaaaaaa -> ccccccc"]
    );
    assert_eq!(
        lines(&old, &image_at('c', 'b')),
        ["platform: api image aaaaaaa -> ccccccc (the same content)"]
    );
    assert_eq!(
        lines(&old, &image_at('a', 'd')),
        ["platform: api image aaaaaaa bbbbbbb -> ddddddd"]
    );
    let moved = json!({ "services": { "api": { "image": "other/api:1" } } });
    assert_eq!(
        lines(&old, &moved),
        ["platform: api image r.test:5000/stoa/api:aaaaaaa -> other/api:1"]
    );
}

#[test]
fn a_value_is_shown_with_its_path() {
    let replicas =
        |count: u32| json!({ "services": { "api": { "deploy": { "replicas": count } } } });
    assert_eq!(
        lines(&replicas(1), &replicas(2)),
        ["platform: services.api.deploy.replicas 1 -> 2"]
    );
    let logged = json!({ "services": { "api": { "environment": { "LOG": "debug" } } } });
    let silent = json!({ "services": { "api": { "environment": {} } } });
    assert_eq!(
        lines(&silent, &logged),
        ["platform: services.api.environment.LOG added: debug"]
    );
    assert_eq!(
        lines(&logged, &silent),
        ["platform: services.api.environment.LOG removed: debug"]
    );
}

#[test]
fn configs_and_secrets_are_shown_by_their_source() {
    let files = |hash: &str| json!({ "secrets": { "redis_url": { "external": true, "name": format!("redis_url-{hash}") } } });
    assert_eq!(
        lines(&files("0a"), &files("0b")),
        ["platform: secret redis_url content changed"]
    );
    assert_eq!(
        lines(
            &json!({ "configs": {} }),
            &json!({ "configs": { "edge": { "name": "edge-0" } } })
        ),
        ["platform: config edge added"]
    );
}

#[test]
fn services_and_stacks_come_and_go() {
    let with = json!({ "services": { "api": { "image": "a" } } });
    let without = json!({ "services": {} });
    assert_eq!(lines(&without, &with), ["platform: service api added"]);
    assert_eq!(lines(&with, &without), ["platform: service api removed"]);
    let stack = [StackRecord {
        name: "edge".into(),
        document: with,
    }];
    assert_eq!(changes(&[], &stack), ["edge: the whole stack added"]);
    assert_eq!(changes(&stack, &[]), ["edge: the whole stack removed"]);
}

#[test]
fn lists_are_compared_by_what_is_in_them() {
    let networks = |names: Value| json!({ "services": { "api": { "networks": names } } });
    assert_eq!(
        lines(&networks(json!(["a", "b"])), &networks(json!(["c", "b"]))),
        [
            "platform: services.api.networks without a",
            "platform: services.api.networks with c"
        ]
    );
    assert_eq!(
        lines(&networks(json!(["a", "b"])), &networks(json!(["b", "a"]))),
        ["platform: services.api.networks in another order"]
    );
    let command = |words: Value| json!({ "services": { "api": { "command": words } } });
    assert_eq!(
        lines(&command(json!(["a"])), &command(json!(["a", "b"]))),
        ["platform: services.api.command [\"a\"] -> [\"a\",\"b\"]"]
    );
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let long = "ä".repeat(200);
    assert_eq!(shown(&Value::String(long)).chars().count(), LONGEST + 3);
}
