use serde_json::{Value, json};

use super::*;

const IMAGE: &str = "r/api:2@sha256:bb";

fn service(update: Option<&str>, replicas: i64) -> Service {
    let mut service = json!({
        "ID": "s",
        "Spec": {
            "Name": "platform_api",
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}, "Runtime": "container"},
        },
    });
    if let Some(state) = update {
        service["UpdateStatus"] = json!({"State": state, "Message": "because"});
    }
    serde_json::from_value(service).unwrap()
}

fn task(id: &str, image: &str, state: &str, more: &Value) -> Task {
    let mut task = json!({
        "ID": id,
        "ServiceID": "s",
        "Slot": 1,
        "NodeID": "n1",
        "DesiredState": "running",
        "Spec": {"ContainerSpec": {"Image": image}, "Placement": {"Constraints": ["node.role==manager"]}},
        "Status": {"State": state},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        task[key] = value.clone();
    }
    serde_json::from_value(task).unwrap()
}

fn node(id: &str, state: &str) -> Node {
    serde_json::from_value(json!({"ID": id, "Status": {"State": state}})).unwrap()
}

fn view(service: Service, tasks: Vec<Task>) -> View {
    View {
        services: BTreeMap::from([("platform_api".into(), service)]),
        tasks: HashMap::from([("s".into(), tasks)]),
        nodes: vec![node("n1", "ready"), node("n2", "ready")],
    }
}

fn run(view: &View) -> Verdict {
    run_with(view, &mut Baseline::default())
}

fn run_with(view: &View, baseline: &mut Baseline) -> Verdict {
    let wanted = BTreeMap::from([("platform_api".to_owned(), IMAGE.to_owned())]);
    judge(view, baseline, &wanted).1
}

fn failure(verdict: Verdict) -> Cause {
    match verdict {
        Verdict::Failed(cause) => cause,
        Verdict::Settled => panic!("settled"),
        Verdict::Waiting => panic!("waits"),
    }
}

#[test]
fn it_is_settled_when_every_task_is_of_the_new_specification_whatever_its_placement() {
    let view = view(
        service(Some("completed"), 1),
        vec![task("1", IMAGE, "running", &json!({}))],
    );
    assert!(matches!(run(&view), Verdict::Settled));
}

#[test]
fn it_waits_for_a_task_that_is_not_healthy_yet() {
    let view = view(
        service(None, 1),
        vec![task("1", IMAGE, "starting", &json!({}))],
    );
    assert!(matches!(run(&view), Verdict::Waiting));
}

#[test]
fn it_waits_while_an_old_task_still_runs() {
    let old = task(
        "1",
        "r/api:1@sha256:aa",
        "running",
        &json!({"DesiredState": "shutdown"}),
    );
    let view = view(
        service(None, 1),
        vec![old, task("2", IMAGE, "running", &json!({}))],
    );
    assert!(matches!(run(&view), Verdict::Waiting));
}

#[test]
fn it_waits_while_swarm_says_that_it_updates() {
    let view = view(
        service(Some("updating"), 1),
        vec![task("1", IMAGE, "running", &json!({}))],
    );
    assert!(matches!(run(&view), Verdict::Waiting));
}

#[test]
fn nothing_is_wanted_of_a_service_without_replicas() {
    assert!(matches!(
        run(&view(service(None, 0), vec![])),
        Verdict::Settled
    ));
}

#[test]
fn an_old_task_on_a_node_that_is_gone_does_not_hold_it_up() {
    let old = task("1", "old", "running", &json!({"NodeID": "n2"}));
    let mut view = view(
        service(None, 1),
        vec![old, task("2", IMAGE, "running", &json!({}))],
    );
    view.nodes[1] = node("n2", "down");
    assert!(matches!(run(&view), Verdict::Settled));
}

#[test]
fn one_failure_is_chance_and_two_are_a_crash_loop_even_if_swarm_forgets_the_first() {
    let failed = |id: &str| {
        let status = json!({"Status": {"State": "failed", "Err": "task: non-zero exit (1)"}});
        view(service(None, 1), vec![task(id, IMAGE, "failed", &status)])
    };
    let mut baseline = Baseline::default();
    assert!(matches!(
        run_with(&failed("1"), &mut baseline),
        Verdict::Waiting
    ));
    let cause = failure(run_with(&failed("2"), &mut baseline));
    assert_eq!(cause.kind, CauseKind::Crash);
    assert_eq!(cause.task.unwrap().name, "platform_api.1");
}

#[test]
fn a_failure_from_before_the_deploy_does_not_count() {
    let mut view = view(
        service(None, 1),
        vec![
            task("1", IMAGE, "failed", &json!({})),
            task("2", IMAGE, "failed", &json!({})),
        ],
    );
    let tasks = view.tasks.get_mut("s").unwrap();
    tasks.push(task("3", IMAGE, "running", &json!({})));
    let mut baseline = Baseline {
        failed: HashSet::from(["1".to_owned(), "2".to_owned()]),
        ..Baseline::default()
    };
    assert!(matches!(run_with(&view, &mut baseline), Verdict::Settled));
}

#[test]
fn a_paused_update_fails_at_once_and_names_what_its_task_says() {
    let status = json!({"Status": {"State": "failed", "Err": "task: non-zero exit (137): dockerexec: unhealthy container"}});
    let view = view(
        service(Some("paused"), 1),
        vec![task("1", IMAGE, "failed", &status)],
    );
    assert_eq!(failure(run(&view)).kind, CauseKind::Unhealthy);
}

#[test]
fn a_rollback_by_swarm_is_a_failure() {
    let view = view(
        service(Some("rollback_completed"), 1),
        vec![task("1", IMAGE, "running", &json!({}))],
    );
    assert_eq!(failure(run(&view)).kind, CauseKind::Paused);
}

#[test]
fn an_image_that_cannot_be_pulled_fails_at_once() {
    let status =
        json!({"Status": {"State": "rejected", "Err": "No such image: r/api:2@sha256:bb"}});
    let view = view(
        service(None, 1),
        vec![task("1", IMAGE, "rejected", &status)],
    );
    assert_eq!(failure(run(&view)).kind, CauseKind::NotPulled);
}

#[test]
fn another_image_than_recorded_is_a_failure() {
    let mut changed = service(None, 1);
    let template = changed
        .spec
        .as_mut()
        .unwrap()
        .task_template
        .as_mut()
        .unwrap();
    template.container_spec.as_mut().unwrap().image = Some("r/api:9@sha256:99".into());
    let cause = failure(run(&view(changed, vec![])));
    assert_eq!(cause.kind, CauseKind::WrongDigest);
    assert!(cause.detail.contains("sha256:99"), "{cause}");
}

#[test]
fn a_node_that_was_ready_and_is_down_is_a_failure_unless_a_release_is_put_back() {
    let mut view = view(
        service(None, 1),
        vec![task("1", IMAGE, "running", &json!({}))],
    );
    view.nodes[1] = node("n2", "down");
    let mut baseline = Baseline {
        ready: BTreeMap::from([("n2".into(), "production-3".into())]),
        ..Baseline::default()
    };
    let cause = failure(run_with(&view, &mut baseline));
    assert!(
        cause.to_string().contains("node lost: production-3"),
        "{cause}"
    );
    baseline.patient = true;
    assert!(matches!(run_with(&view, &mut baseline), Verdict::Settled));
}

#[test]
fn a_node_that_a_new_leader_has_not_heard_of_yet_is_not_lost() {
    let running = task("1", IMAGE, "running", &json!({}));
    let mut view = view(service(None, 1), vec![running]);
    view.nodes[0] = node("n1", "unknown");
    let mut baseline = Baseline {
        ready: BTreeMap::from([("n1".into(), "production-2".into())]),
        ..Baseline::default()
    };
    assert!(matches!(run_with(&view, &mut baseline), Verdict::Settled));
}

#[test]
fn a_release_is_put_back_though_a_task_has_nowhere_to_go_until_a_node_returns() {
    let status = json!({"Status": {"State": "pending", "Err": "no suitable node (scheduling constraints not satisfied on 2 nodes)"}});
    let mut view = view(service(None, 1), vec![task("1", IMAGE, "pending", &status)]);
    let mut baseline = Baseline {
        patient: true,
        ..Baseline::default()
    };
    assert!(matches!(run_with(&view, &mut baseline), Verdict::Waiting));
    view.nodes[1] = node("n2", "down");
    assert!(matches!(run_with(&view, &mut baseline), Verdict::Settled));
}

#[test]
fn a_task_that_obeys_when_it_is_stopped_for_its_health_check_has_failed_all_the_same() {
    let ended = view(
        service(Some("paused"), 1),
        vec![task("1", IMAGE, "complete", &json!({}))],
    );
    assert_eq!(failure(run(&ended)).kind, CauseKind::Unhealthy);
}
