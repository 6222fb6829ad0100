//! What thin shell does where much is lost if it is wrong: with stand-ins for the programs that it calls.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod compose;

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with `bin`, whose programs come before all others, and scripts that run there.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        fs::create_dir(stage.path("bin")).unwrap();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a stand-in in the place of a program.
    fn program(&self, name: &str, script: &str) {
        self.executable(&format!("bin/{name}"), &format!("#!/bin/bash\n{script}\n"));
    }

    /// Copies a script of the repository.
    fn script(&self, from: &str, to: &str) {
        self.executable(to, &fs::read_to_string(repository().join(from)).unwrap());
    }

    /// Puts a file there, with the folders that it is in.
    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn executable(&self, name: &str, text: &str) {
        self.file(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs `line` in the folder.
    fn run(&self, line: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.path("bin").display());
        let mut command = Command::new("bash");
        command.args(["-c", line]).env("PATH", path);
        command.env("PGDATA", self.path("data/pgdata"));
        command.env_remove("QUEUE").env_remove("QUEUE_URL");
        command.current_dir(self.0.path()).output().unwrap()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// The server's image, with a database in it.
fn database() -> Stage {
    let stage = Stage::new();
    for name in ["serve", "restore", "backups"] {
        let from = format!("stacks/data/postgres/{name}");
        stage.script(&from, &format!("bin/{name}"));
    }
    fs::create_dir_all(stage.path("data/pgdata")).unwrap();
    fs::write(stage.path("data/pgdata/rows"), "before").unwrap();
    stage
}

#[test]
fn a_server_starts_with_what_there_was_before_a_restore_that_was_killed() {
    let stage = database();
    stage.program("backups", "");
    stage.program("docker-entrypoint.sh", "cat $PGDATA/rows");
    stage.program("pgbackrest", "echo half >$PGDATA/rows; kill -KILL $PPID");
    assert!(!stage.run("restore latest").status.success());
    assert_eq!(stage.text("data/pgdata/rows"), "half\n");
    let served = stage.run("serve");
    assert!(served.status.success(), "{}", said(&served));
    assert_eq!(said(&served), "before");
}

#[test]
fn a_server_waits_for_a_restore_that_still_runs() {
    let stage = database();
    stage.program("backups", "");
    stage.program("docker-entrypoint.sh", "cat $PGDATA/rows");
    stage.program(
        "pgbackrest",
        "mkfifo go && touch begun && cat go >/dev/null && echo restored >$PGDATA/rows",
    );
    let both = "restore latest >/dev/null & until [ -e begun ]; do :; done
        serve 2>waiting >served & until [ -s waiting ] || [ -s served ]; do :; done
        echo >go; wait";
    let ran = stage.run(both);
    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!(stage.text("served"), "restored\n");
}

#[test]
fn archiving_is_told_while_there_is_no_repository() {
    let stage = database();
    stage.program("pg_isready", "");
    // What is asked is in the file, which is all that matters here.
    stage.program(
        "psql",
        "case \"$*\" in *recovery*) echo f ;; *) cat ;; esac",
    );
    stage.program("pgbackrest", "exit 1");
    stage.program("sleep", "kill -TERM $PPID");
    fs::create_dir(stage.path("metrics")).unwrap();
    stage.run("METRICS_FOLDER=$PWD/metrics exec backups");
    let told = stage.text("metrics/backups.prom");
    assert!(told.contains("archive_up "), "{told}");
}

#[test]
fn a_restore_is_under_the_lock_and_starts_the_server_again_however_it_ends() {
    let stage = Stage::new();
    stage.script("ci/restore", "ci/restore");
    fs::create_dir_all(stage.path("stacks/clusters")).unwrap();
    let file = stage.path("stacks/clusters/staging.yml");
    fs::write(file, "managers: [\"unix:///manager.sock\"]\n").unwrap();
    let lock = "echo \"$@\" >>calls; while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"";
    stage.executable("ci/stoa/cli", &format!("#!/bin/bash\n{lock}\n"));
    // Stopping the server is refused.
    stage.program(
        "docker",
        "echo \"$*\" >>calls; case \"$*\" in *=0) exit 1 ;; *inspect*) echo backup_config ;; esac",
    );
    assert!(!stage.run("ci/restore staging latest").status.success());
    let calls = stage.text("calls");
    assert!(calls.starts_with("lock --cluster staging -- "), "{calls}");
    let last = calls.lines().last().unwrap();
    assert_eq!(last, "service scale --detach data_postgres=1");
}

#[test]
fn who_may_not_install_an_engine_leaves_no_lock_behind() {
    let stage = Stage::new();
    stage.script("ci/engine/ensure", "ensure");
    stage.program("docker", "exit 1");
    stage.program("id", "echo 1000");
    fs::create_dir(stage.path("tmp")).unwrap();
    let ran = stage.run("unset DOCKER_HOST; TMPDIR=$PWD/tmp ./ensure");
    assert_eq!(ran.status.code(), Some(69), "{}", said(&ran));
    assert!(said(&ran).contains("needs root"), "{}", said(&ran));
    assert_eq!(fs::read_dir(stage.path("tmp")).unwrap().count(), 0);
}

#[test]
fn the_cli_sees_the_secrets_where_the_file_of_the_cluster_says() {
    let stage = Stage::new();
    stage.script("ci/stoa/cli", "ci/stoa/cli");
    stage.program("docker", "echo \"$@\"");
    stage.program("git", "echo /nowhere");
    fs::create_dir_all(stage.path("stacks/clusters")).unwrap();
    fs::create_dir(stage.path("machine")).unwrap();
    let (here, elsewhere) = (stage.path("machine"), stage.path("another"));
    let below = elsewhere.join("machine");
    for (named, at) in [
        (here.display().to_string(), &here),
        ("machine # not in Git".into(), &below),
        ("\"machine\"".into(), &below),
        ("'machine' # not in Git".into(), &below),
    ] {
        for tree in [stage.0.path(), &elsewhere] {
            fs::create_dir_all(tree.join("stacks/clusters")).unwrap();
            let file = tree.join("stacks/clusters/production.yml");
            fs::write(
                file,
                format!("managers: [m]\nregistry: r\nsecrets: {named}\n"),
            )
            .unwrap();
        }
        let tree = format!("STOA_TREE={}", elsewhere.display());
        let ran = stage.run(&format!(
            "{tree} STOA_CLI_IMAGE=image ci/stoa/cli render --cluster production"
        ));
        let volume = format!("--volume {}:{}:ro", here.display(), at.display());
        assert!(said(&ran).contains(&volume), "{}", said(&ran));
        // Who reads the file before there is a container must not disagree with the CLI.
        let cli = env!("CARGO_BIN_EXE_stoa");
        let read = stage.run(&format!(
            "{tree} STOA_CLI={cli} ci/stoa/cli secrets --cluster production"
        ));
        assert_eq!(said(&read).trim(), at.display().to_string(), "{named}");
    }
}

#[test]
fn the_pipelines_secrets_go_where_the_file_of_the_cluster_says() {
    let stage = Stage::new();
    for script in ["ci/pipeline/credentials", "ci/stoa/cli"] {
        stage.script(script, script);
    }
    let file = "managers: [m]\nregistry: r\nsecrets: \"machine/secrets\" # not in Git\n";
    stage.file("stacks/clusters/production.yml", file);
    stage.file("given/key", "secret");
    let ran = stage.run(&format!(
        "tar -C given -cz . | base64 >variable && exec env -u SSH_KEY -u CI_DEPLOY_PASSWORD STOA_CLI={} \
         CLUSTER=production CLUSTER_SECRETS=variable ci/pipeline/credentials",
        env!("CARGO_BIN_EXE_stoa")
    ));
    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!(stage.text("machine/secrets/key"), "secret");
}

#[test]
fn the_pipeline_learns_which_version_a_cluster_runs() {
    let stage = Stage::new();
    stage.script("ci/pipeline/deployed", "ci/pipeline/deployed");
    let asked = |status: &str| {
        stage.executable("ci/stoa/cli", &format!("#!/bin/sh\n{status}\n"));
        let output = stage.run("ci/pipeline/deployed staging");
        String::from_utf8(output.stdout).unwrap()
    };
    let runs = "echo 'staging runs release 7 (4e27cfc0a1b2), deployed by ada'; echo nobody deploys";
    assert_eq!(asked(runs), "STOA_DEPLOYED=4e27cfc0a1b2\n");
    let nothing = "echo no release runs on staging";
    assert_eq!(asked(nothing), "STOA_DEPLOYED=none\n");
    assert_eq!(asked("exit 1"), "STOA_DEPLOYED=none\n");
}

/// What a copy of the stub is made of.
fn service_template() -> Stage {
    let stage = Stage::new();
    stage.program("cargo", "");
    stage.script("ci/new-service", "ci/new-service");
    stage.script("ci/pipeline/generate", "ci/pipeline/generate");
    for file in TEMPLATE {
        fs::create_dir_all(stage.path(file).parent().unwrap()).unwrap();
        fs::copy(repository().join(file), stage.path(file)).unwrap();
    }
    let stub = repository().join("services/stub");
    let copied = stage.run(&format!("cp -r {} services/stub", stub.display()));
    assert!(copied.status.success(), "{}", said(&copied));
    stage
}

const TEMPLATE: [&str; 7] = [
    DOCUMENT,
    TYPES,
    "ci/new-service.awk",
    "Cargo.lock",
    "compose.yml",
    "stacks/networks.yml",
    "stacks/monitoring/stack.yml",
];
const DOCUMENT: &str = "services/web/openapi.json";
const TYPES: &str = "services/web/src/api/schema.ts";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the code of the copy would say, made from the document as data.
fn with_copy_of_stub(document: &str, renamed: impl Fn(&str) -> String) -> Value {
    let mut document: Value = serde_json::from_str(document).unwrap();
    for section in ["/paths", "/components/schemas"] {
        let entries = document.pointer_mut(section).unwrap();
        let entries = entries.as_object_mut().unwrap();
        for (key, entry) in entries.clone() {
            if key.to_lowercase().contains("stub") {
                let entry = serde_json::from_str(&renamed(&entry.to_string())).unwrap();
                assert_eq!(entries.insert(renamed(&key), entry), None, "{key}");
            }
        }
    }
    document
}

#[test]
fn a_new_service_is_in_the_public_document_and_the_types_of_the_console() {
    // First of all, in the middle, last of all.
    for name in ["aardvark", "billing", "zebra"] {
        let stage = service_template();
        let (document, types) = (stage.text(DOCUMENT), stage.text(TYPES));
        let ran = stage.run(&format!("ci/new-service {name}"));
        assert!(ran.status.success(), "{}", said(&ran));

        let capital = name[..1].to_uppercase() + &name[1..];
        let renamed = |text: &str| text.replace("Stub", &capital).replace("stub", name);
        let expected = with_copy_of_stub(&document, renamed);
        let expected = format!("{expected:#}\n");
        assert!(stage.text(DOCUMENT) == expected, "{name}: another document");

        // That these are what the generator writes, ci/check/console knows.
        let copied = stage.text(TYPES);
        for line in types.lines().filter(|line| line.contains("stub")) {
            assert!(copied.contains(&renamed(line)), "{name}: no {line}");
        }
    }
}

#[test]
fn a_name_that_something_else_has_makes_no_service() {
    let stage = service_template();
    let document = stage.text(DOCUMENT);
    for (name, why) in [
        ("", "usage"),
        ("Billing", "usage"),
        ("postgres", "the platform calls something"),
        ("rabbitmq", "the platform calls something"),
        ("provision", "the platform calls something"),
        ("cli", "the platform calls something"),
        ("edge", "the platform calls something"),
        ("prometheus", "the platform calls something"),
        ("match", "Rust"),
        ("build", "Cargo"),
        ("public", "PostgreSQL"),
        ("conversations", "/api/v1/conversations"),
        ("tokio", "a package"),
        ("stub", "is there already"),
    ] {
        let ran = stage.run(&format!("ci/new-service '{name}'"));
        assert_eq!(ran.status.code(), Some(64), "{name}: {}", said(&ran));
        assert!(said(&ran).contains(why), "{name}: {}", said(&ran));
        let is_copied = name != "stub" && stage.path("services").join(name).join("src").exists();
        assert!(!is_copied && stage.text(DOCUMENT) == document, "{name}");
    }
}

#[test]
fn the_version_that_runs_is_deployed_whatever_is_checked_out() {
    let stage = Stage::new();
    stage.script("ci/deploy", "ci/deploy");
    fs::create_dir_all(stage.path("stacks/clusters")).unwrap();
    let file = stage.path("stacks/clusters/staging.yml");
    fs::write(file, "managers: [\"ssh://deploy@one\"]\nregistry: r\n").unwrap();
    let git = "case \"$*\" in
        *' HEAD^{commit}' | 'rev-parse HEAD') echo newer ;;
        *' 4e27cfc0a1b2^{commit}') echo the-live-one ;;
        'worktree add'*) mkdir -p \"$5\" && cp -r stacks \"$5\" ;;
        'rev-parse'*) exit 1 ;;
        esac";
    stage.program("git", git);
    let cli = |status: &str| {
        let script = format!("[ $1 = deploy ] && echo \"$@\" || echo '{status}'");
        stage.executable("ci/stoa/cli", &format!("#!/bin/bash\n{script}\n"));
    };
    cli("staging runs release 7 (4e27cfc0a1b2), deployed by ada");
    let ran = stage.run("ci/deploy staging live");
    let said_so = "deploy --cluster staging --version the-live-one\n";
    assert_eq!(said(&ran), said_so);
    cli("no release runs on staging");
    let refused = stage.run("ci/deploy staging live");
    assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    assert!(
        said(&refused).contains("no release runs"),
        "{}",
        said(&refused)
    );
}
