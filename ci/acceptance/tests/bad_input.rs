//! Bad input: each a clear problem, nothing lost, nothing leaked.

use acceptance::{Answer, Platform, answer};
use anyhow::Result;
use reqwest::Method;
use rstest::rstest;
use serde_json::json;

#[tokio::test]
async fn wrong_credentials_are_refused_alike() -> Result<()> {
    let visitor = Platform::visitor()?;
    let unknown = json!({ "email": "nobody@stoa.localhost", "password": "wrong" });
    let wrong = json!({ "email": std::env::var("STOA_EMAIL")?, "password": "wrong" });
    let unknown = visitor.post("/api/v1/sessions", &unknown).await?;
    let wrong = visitor.post("/api/v1/sessions", &wrong).await?;
    let unknown = unknown.expect_problem(401, "unauthenticated")?;
    let wrong = wrong.expect_problem(401, "unauthenticated")?;
    assert_eq!(
        unknown["detail"], wrong["detail"],
        "the answer tells who has an account"
    );
    Ok(())
}

#[rstest]
#[case::no_token("")]
#[case::garbage("not-a-token")]
#[case::forged("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.")]
#[case::unknown_key("stoa_00000000000000000000000000000000")]
#[tokio::test]
async fn a_request_without_valid_credentials_is_refused(#[case] token: &str) -> Result<()> {
    let visitor = Platform::visitor()?.with_token(token);
    visitor
        .get("/api/v1/assistants")
        .await?
        .expect_problem(401, "unauthenticated")?;
    Ok(())
}

#[rstest]
#[case::json("application/json", "{\n  \"examples\": [,]\n}", 2)]
#[case::yaml("application/yaml", "version: \"3.1\"\nnlu:\n  - intent: [broken\n", 3)]
#[case::csv(
    "text/csv",
    "text,intent\nhello,greet\n\"never closed,greet,extra,\n",
    3
)]
#[tokio::test]
async fn a_malformed_document_is_refused_with_its_place(
    #[case] media_type: &str,
    #[case] document: &str,
    #[case] line: u64,
) -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Malformed").await?;
    let path = format!("/api/v1/assistants/{assistant}/training-data");
    let good = json!({ "examples": [{ "text": "hello", "intent": "greet" }] });
    platform
        .put(&path, "application/json", good.to_string())
        .await?
        .expect(200)?;

    let problem = platform
        .put(&path, media_type, document)
        .await?
        .expect_problem(400, "invalid")?;
    let error = &problem["errors"][0];
    // A parser may notice on the line after; what matters is that it leads there.
    let near = error["line"]
        .as_u64()
        .is_some_and(|found| found.abs_diff(line) <= 1);
    assert!(near && error["column"].is_u64(), "no place: {problem}");

    let kept = platform.get(&path).await?.expect(200)?;
    assert_eq!(
        kept["examples"], good["examples"],
        "the earlier data is lost"
    );
    Ok(())
}

#[tokio::test]
async fn ten_mebibytes_are_too_large() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Large").await?;
    let path = format!("/api/v1/assistants/{assistant}/training-data");
    let body = format!(
        "text,intent\n{}",
        "hello,greet\n".repeat(10 * 1024 * 1024 / 12)
    );
    platform
        .put(&path, "text/csv", body)
        .await?
        .expect_problem(413, "too_large")?;
    Ok(())
}

#[tokio::test]
async fn invalid_utf8_is_refused() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let request = platform.request(Method::POST, "/api/v1/assistants");
    let request = request.header("content-type", "application/json");
    let request = request.body(b"{\"name\": \"\xff\xfe\"}".to_vec());
    answer(request).await?.expect_problem(400, "invalid")?;
    Ok(())
}

#[rstest]
#[case("/api/v1/assistants/00000000-0000-7000-8000-000000000000")]
#[case("/api/v1/trainings/00000000-0000-7000-8000-000000000000")]
#[case("/api/v1/conversations/00000000-0000-7000-8000-000000000000")]
#[case("/api/v1/jobs/00000000-0000-7000-8000-000000000000")]
#[case("/api/v1/no-such-thing")]
#[case("/internal/v1/assistants/00000000-0000-7000-8000-000000000000")]
#[case("/%69nternal/v1/assistants/00000000-0000-7000-8000-000000000000")]
#[tokio::test]
async fn an_unknown_thing_is_not_found(#[case] path: &str) -> Result<()> {
    let platform = Platform::sign_in().await?;
    platform.get(path).await?.expect_problem(404, "not_found")?;
    Ok(())
}

#[tokio::test]
async fn a_training_without_data_is_refused() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Empty").await?;
    let path = format!("/api/v1/assistants/{assistant}/trainings");
    let problem = platform
        .post(&path, &json!({}))
        .await?
        .expect_problem(409, "conflict")?;
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("training data"))
    );
    Ok(())
}

#[tokio::test]
async fn an_untrained_assistant_says_so_when_it_is_asked() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Untrained").await?;
    let path = format!("/api/v1/assistants/{assistant}/parse");
    platform
        .post(&path, &json!({ "text": "hello" }))
        .await?
        .expect_problem(409, "conflict")?;
    Ok(())
}

#[tokio::test]
async fn a_name_is_taken_only_once() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Twin").await?;
    let assistant = platform
        .get(&format!("/api/v1/assistants/{assistant}"))
        .await?
        .expect(200)?;
    let twin = json!({ "name": assistant["name"] });
    platform
        .post("/api/v1/assistants", &twin)
        .await?
        .expect_problem(409, "conflict")?;
    Ok(())
}

#[tokio::test]
async fn a_viewer_may_look_and_not_touch() -> Result<()> {
    let owner = Platform::sign_in().await?;
    let key = json!({ "name": "Viewer", "role": "viewer" });
    let key = owner.post("/api/v1/api-keys", &key).await?.expect(201)?;
    let viewer = owner.with_token(key["key"].as_str().expect("the key"));
    viewer.get("/api/v1/assistants").await?.expect(200)?;
    let refused = viewer
        .post("/api/v1/assistants", &json!({ "name": "Mine" }))
        .await?;
    refused.expect_problem(403, "forbidden")?;
    Ok(())
}

#[rstest]
#[case::empty("")]
#[case::too_long(&"a".repeat(100_000))]
#[tokio::test]
async fn an_utterance_out_of_bounds_is_refused(#[case] text: &str) -> Result<()> {
    parse_in_demo(text).await?.expect_problem(422, "invalid")?;
    Ok(())
}

#[rstest]
#[case::emoji("🙂🙃🙂🙃")]
#[case::control("\u{1}\u{2}\u{7f} hello \u{85}")]
#[case::spaces("    ")]
#[tokio::test]
async fn an_odd_utterance_is_answered(#[case] text: &str) -> Result<()> {
    let parse = parse_in_demo(text).await?.expect(200)?;
    assert_eq!(parse["text"], text);
    Ok(())
}

async fn parse_in_demo(text: &str) -> Result<Answer> {
    let platform = Platform::sign_in().await?;
    let id = platform.demo_assistant().await?;
    platform
        .post(
            &format!("/api/v1/assistants/{id}/parse"),
            &json!({ "text": text }),
        )
        .await
}
