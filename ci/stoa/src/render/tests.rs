use serde_json::json;

use super::*;

/// A workspace with a service `api` and its migration, and a stack of each kind.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new() -> Self {
        let workspace = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let sleeper = "services: {one: {image: redis:8, networks: [internal]}}\n";
        workspace.write("stacks/networks.yml", "internal: {internal: true}\n");
        workspace.write("stacks/data/stack.yml", sleeper);
        workspace.write("stacks/monitoring/stack.yml", sleeper);
        workspace.write(
            "stacks/edge/stack.yml",
            "services:\n  edge: {image: redis:8, networks: [internal], configs: [{source: edge, target: /e}]}\nconfigs: {edge: {file: edge.conf}}\n",
        );
        workspace.write("stacks/edge/edge.conf", "first");
        workspace.write(
            "stacks/platform/stack.yml",
            "x-service: {read_only: true, deploy: {replicas: 1}}\nx-migration: {deploy: {mode: replicated-job}}\n",
        );
        workspace.write(
            "ci/compose/service.yml",
            "services:\n  service: {restart: always, mem_limit: 256m, tmpfs: [/tmp], environment: {LOG: , FORMAT: json}, networks: [internal], secrets: [shared]}\n  migrate: {extends: {service: service}, command: [migrate]}\n",
        );
        workspace.write(
            "services/api/compose.yml",
            "services:\n  api:\n    extends: {file: ci/compose/service.yml, service: service}\n    image: stoa/api\n    mem_limit: 512m\n    ports: ['8080:8080']\n    secrets: [key]\n  api-migrate:\n    extends: {file: ci/compose/service.yml, service: migrate}\n    image: stoa/api\n",
        );
        workspace.write("secrets/key", "k");
        workspace.write("secrets/shared", "s");
        workspace
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn render_with(&self, overlay: Value, key: Option<&[u8]>) -> anyhow::Result<Rendered> {
        let cluster = Cluster {
            name: "staging".into(),
            managers: vec![],
            registry: "r.test/stoa".into(),
            secrets: self.folder.path().join("secrets"),
            addresses: vec![],
            authority: None,
            https: None,
            overlay: serde_json::from_value(overlay).unwrap(),
        };
        render(self.folder.path(), &cluster, "abc", key)
    }

    fn render(&self) -> Rendered {
        self.render_with(json!({}), Some(b"key")).unwrap()
    }

    fn refusal(&self, overlay: Value) -> String {
        match self.render_with(overlay, Some(b"key")) {
            Ok(_) => panic!("not refused"),
            Err(error) => format!("{error:#}"),
        }
    }
}

impl Rendered {
    fn service(&self, stack: &str, service: &str) -> &Value {
        let stack = self.stacks.iter().find(|known| known.name == stack);
        &stack.unwrap().document["services"][service]
    }

    fn name_of(&self, source: &str) -> &str {
        let file = self.files.iter().find(|file| file.source == source);
        &file.unwrap().name
    }
}

#[test]
fn a_service_is_what_its_compose_entry_says_over_what_the_stack_says_of_all() {
    let rendered = Workspace::new().render();
    let expected = json!({
        "read_only": true,
        "deploy": {"replicas": 1, "resources": {"limits": {"memory": "512m"}}},
        "environment": {"FORMAT": "json"},
        "image": "r.test/stoa/api:abc",
        "networks": ["internal"],
        "secrets": ["shared", "key"],
        "volumes": [{"type": "tmpfs", "target": "/tmp"}],
    });
    assert_eq!(*rendered.service("platform", "api"), expected);
    let migration = rendered.service("platform", "api-migrate");
    let limits = json!({"limits": {"memory": "256m"}});
    let deploy = json!({"mode": "replicated-job", "resources": limits});
    assert_eq!(migration["deploy"], deploy);
    assert_eq!(migration["command"], json!(["migrate"]));
}

#[test]
fn stacks_come_in_the_order_of_deployment_and_name_only_what_is_outside_of_them() {
    let rendered = Workspace::new().render();
    let names: Vec<_> = rendered
        .stacks
        .iter()
        .map(|stack| stack.name.as_str())
        .collect();
    assert_eq!(names, STACKS);
    let platform = &rendered.stacks[1].document;
    assert_eq!(platform["networks"]["internal"]["name"], "stoa_internal");
    assert_eq!(platform["secrets"]["key"]["external"], true);
    assert!(platform.get("x-service").is_none());
    assert_eq!(
        rendered.service("data", "one")["image"],
        "r.test/stoa/redis:8"
    );
}

#[test]
fn a_new_content_is_a_new_name_and_the_same_content_the_same() {
    let workspace = Workspace::new();
    let first = workspace.render();
    assert_eq!(first.name_of("edge"), workspace.render().name_of("edge"));
    workspace.write("stacks/edge/edge.conf", "second");
    workspace.write("secrets/key", "k2");
    let second = workspace.render();
    assert_ne!(first.name_of("edge"), second.name_of("edge"));
    assert_ne!(first.name_of("key"), second.name_of("key"));
    assert_eq!(first.name_of("shared"), second.name_of("shared"));
}

#[test]
fn the_name_of_a_secret_tells_nothing_without_the_clusters_key() {
    let workspace = Workspace::new();
    let other = workspace.render_with(json!({}), Some(b"other")).unwrap();
    assert_ne!(workspace.render().name_of("key"), other.name_of("key"));
    assert_eq!(workspace.render().name_of("edge"), other.name_of("edge"));
}

#[test]
fn missing_secrets_are_all_named_and_not_needed_without_a_key() {
    let workspace = Workspace::new();
    std::fs::remove_dir_all(workspace.folder.path().join("secrets")).unwrap();
    let refusal = workspace.refusal(json!({}));
    let named = "key (of api); shared (of api, api-migrate); each is a file of that name in";
    assert!(refusal.contains(named), "{refusal}");
    assert!(workspace.render_with(json!({}), None).is_ok());
}

#[test]
fn who_misses_a_secret_is_told_how_it_is_made_and_where_that_stands() {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.folder.path().join("secrets/key")).unwrap();
    let refusal = workspace.refusal(json!({}));
    let guide = "docs/guides/build-a-service.md";
    for told in ["ci/compose/secrets", "CLUSTER_SECRETS", guide] {
        assert!(refusal.contains(told), "{refusal}");
    }
    assert!(refusal.ends_with("#on-a-cluster"), "{refusal}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join(guide)).unwrap();
    assert!(guide.contains("\n## On a cluster\n"));
}

#[test]
fn an_overlay_may_say_how_many_and_where_and_nothing_else() {
    let workspace = Workspace::new();
    let allowed = json!({"platform": {"services": {"api": {"deploy": {
        "replicas": 3, "placement": {"constraints": ["node.role==worker"]},
    }, "environment": {"OPERATOR_ACCOUNT": "another"}}}}});
    let rendered = workspace.render_with(allowed, Some(b"key")).unwrap();
    let api = rendered.service("platform", "api");
    assert_eq!(api["deploy"]["replicas"], 3);
    assert_eq!(
        api["environment"],
        json!({"FORMAT": "json", "OPERATOR_ACCOUNT": "another"})
    );
    for (overlay, named) in [
        (
            json!({"platform": {"services": {"api": {"image": "x"}}}}),
            "`image`",
        ),
        (
            json!({"platform": {"services": {"api": {"environment": {"LOG": "debug"}}}}}),
            "`environment.LOG`",
        ),
        (
            json!({"platform": {"services": {"api": {"deploy": {"mode": "global"}}}}}),
            "`deploy.mode`",
        ),
        (
            json!({"platform": {"services": {"ghost": {"deploy": {}}}}}),
            "`ghost`",
        ),
        (json!({"platform": {"configs": {}}}), "`configs`"),
        (json!({"ghost": {}}), "`ghost`"),
        (
            json!({"platform": {"services": ["api"]}}),
            "a map is expected",
        ),
    ] {
        let refusal = workspace.refusal(overlay);
        assert!(refusal.contains(named), "{refusal}");
    }
}

#[test]
fn a_cluster_has_its_own_way_to_sign_in_but_no_secret_in_its_file() {
    let workspace = Workspace::new();
    let overlay =
        |key: &str| json!({"platform": {"services": {"api": {"environment": {key: "x"}}}}});
    for key in [
        "OIDC_ACCOUNT",
        "OIDC_CLIENT_ID",
        "OIDC_ISSUER",
        "OIDC_LINK_BY_EMAIL",
        "OIDC_NAME",
        "OIDC_REDIRECT_URL",
    ] {
        let rendered = workspace
            .render_with(overlay(key), Some(b"key"))
            .unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(rendered.service("platform", "api")["environment"][key], "x");
    }
    let refusal = workspace.refusal(overlay("OIDC_CLIENT_SECRET"));
    assert!(
        refusal.contains("`environment.OIDC_CLIENT_SECRET`"),
        "{refusal}"
    );
}

#[test]
fn what_a_cluster_cannot_fill_in_is_refused_with_its_place() {
    let workspace = Workspace::new();
    workspace.write(
        "services/web/compose.yml",
        "services: {web: {image: 'stoa/web:${TAG}', networks: [internal]}}\n",
    );
    let refusal = workspace.refusal(json!({}));
    assert!(
        refusal.contains("services/web/compose.yml: `web`"),
        "{refusal}"
    );
    workspace.write(
        "services/web/compose.yml",
        "services: {web: {image: stoa/web, networks: [nowhere]}}\n",
    );
    let refusal = workspace.refusal(json!({}));
    assert!(refusal.contains("`nowhere`"), "{refusal}");
}

#[test]
fn migrations_say_which_code_runs_on_them() {
    let workspace = Workspace::new();
    workspace.write("services/api/migrations/0001_a.sql", "create table a ();");
    workspace.write("services/api/migrations/0002_b.sql", "create table b ();");
    workspace.write(
        "services/api/migrations/0003_c.sql",
        "-- contract: 2\ndrop table a;",
    );
    let expected = Migration {
        level: 3,
        runs_on_from: 2,
    };
    assert_eq!(workspace.render().migrations["api"], expected);
    workspace.write(
        "services/api/migrations/0003_c.sql",
        "-- contract: 3\ndrop table a;",
    );
    assert!(workspace.refusal(json!({})).contains("0003_c.sql:1"));
}

#[test]
fn images_are_pinned_to_what_was_resolved() {
    let mut rendered = Workspace::new().render();
    let digests = BTreeMap::from([("r.test/stoa/api:abc".to_owned(), "sha256:aa".to_owned())]);
    rendered.pin(&digests);
    let image = &rendered.service("platform", "api")["image"];
    assert_eq!(image, "r.test/stoa/api:abc@sha256:aa");
    assert_eq!(
        rendered.service("data", "one")["image"],
        "r.test/stoa/redis:8"
    );
}

#[test]
fn a_yaml_merge_key_is_followed() {
    let workspace = Workspace::new();
    workspace.write(
        "stacks/data/stack.yml",
        "x-one: &one {image: redis:8, networks: [internal]}\nservices:\n  one: {<<: *one, hostname: one}\n",
    );
    let rendered = workspace.render();
    let one = rendered.service("data", "one");
    assert_eq!(
        (one["hostname"].as_str(), one["image"].as_str()),
        (Some("one"), Some("r.test/stoa/redis:8"))
    );
}
