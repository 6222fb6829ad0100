//! Flows: kept as written, checked against the training data.

use reqwest::Method;
use stoa_contracts::identity::Role;

use crate::service::{Service, send};

const FLOWS: &str = "\
# what the assistant does
settings: {start: welcome}
responses:
  hello: Hello!
flows:
  welcome:
    steps: [say: hello]
  bye:
    triggers: [goodbye]
    steps: [say: hello]
";

#[tokio::test]
async fn flows_come_back_as_they_were_written_or_in_the_other_form() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/flows", service.assistant(&token).await);
    service.get(&path, &token).await.problem(404);
    let summary = service
        .put(&path, &token, "application/yaml", FLOWS)
        .await
        .ok(200);
    assert_eq!(
        (summary["version"].as_i64(), summary["flows"].as_i64()),
        (Some(1), Some(2))
    );
    let yaml = service.get(&path, &token).await;
    assert_eq!(
        (yaml.content_type(), yaml.text.as_str()),
        ("application/yaml", FLOWS)
    );
    let json = send(
        service
            .request(Method::GET, &path, &token)
            .header("accept", "application/json"),
    )
    .await;
    assert_eq!(json.json()["settings"]["start"], "welcome");
    let summary = service
        .put(&path, &token, "application/json", &json.text)
        .await
        .ok(200);
    assert_eq!(summary["version"], 2);
    let yaml = service.get(&path, &token).await;
    service
        .put(&path, &token, "application/yaml", &yaml.text)
        .await
        .ok(200);
}

#[tokio::test]
async fn who_says_what_they_have_seen_overwrites_nothing_of_others() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/flows", service.assistant(&token).await);
    let put = async |tag: &str, text: &str| {
        let request = service.request(Method::PUT, &path, &token);
        let request = request.header("content-type", "application/yaml");
        let request = request.header("if-match", tag).body(text.to_owned());
        send(request).await
    };
    // There is none yet.
    put("\"1.yaml\"", FLOWS).await.problem(412);
    let first = put("\"0.yaml\"", FLOWS).await;
    assert_eq!(first.headers["etag"], "\"1.yaml\"");
    put("\"0.yaml\"", FLOWS).await.problem(412);
    let seen = service.get(&path, &token).await;
    assert_eq!(seen.headers["etag"], "\"1.yaml\"");
    let second = put("\"1.yaml\"", &format!("{FLOWS}# mine\n")).await;
    assert_eq!(second.headers["etag"], "\"2.yaml\"");
    let late = put("\"1.json\"", &format!("{FLOWS}# theirs\n")).await;
    let problem = late.problem(412);
    assert_eq!(problem["code"], "conflict");
    put("*", FLOWS).await.problem(400);
    let kept = service.get(&path, &token).await;
    assert_eq!(kept.text, format!("{FLOWS}# mine\n"));
}

#[tokio::test]
async fn a_flow_names_only_intents_that_the_training_data_knows() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let assistant = service.trainable(&token).await;
    let path = format!("{assistant}/flows");
    service
        .put(&path, &token, "application/yaml", FLOWS)
        .await
        .ok(200);
    let wrong = FLOWS.replace("[goodbye]", "[farewell]");
    let problem = service
        .put(&path, &token, "application/yaml", &wrong)
        .await
        .problem(422);
    assert_eq!(problem["errors"][0]["pointer"], "/flows/bye/triggers/0");
    assert_eq!(problem["errors"][0]["line"], 9);
    assert_eq!(problem["errors"][0]["column"], 16);
    assert_eq!(service.get(&path, &token).await.text, FLOWS);
}

#[tokio::test]
async fn what_is_no_flow_document_is_refused() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/flows", service.assistant(&token).await);
    service
        .put(&path, &token, "application/yaml", "flows: [\n")
        .await
        .problem(400);
    service
        .put(&path, &token, "application/json", "{\"flows\": 1,}")
        .await
        .problem(400);
    service
        .put(&path, &token, "application/json", "[]")
        .await
        .problem(422);
    service
        .put(&path, &token, "application/yaml", "flows: {a: {stepz: []}}")
        .await
        .problem(422);
    service
        .put(&path, &token, "text/csv", "a,b")
        .await
        .problem(415);
    service
        .put(
            &path,
            &token,
            "application/yaml",
            "responses: {a: \"x\\0y\"}",
        )
        .await
        .problem(422);
    let large = format!("responses: {{a: \"{}\"}}", "a".repeat(10 << 20));
    service
        .put(&path, &token, "application/yaml", &large)
        .await
        .problem(413);
}
