//! What holds for notes.

use reqwest::Method;
use serde_json::json;
use stoa_contracts::identity::Role;

use crate::service::{TestService, User, answer};

const NOTES: &str = "/api/v1/stub/notes";

#[tokio::test]
async fn a_created_note_can_be_read() {
    let service = TestService::start(&[]).await;
    let editor = service.user(Role::Editor);
    let (status, created) = editor.post(NOTES, json!({"text": "Read the meter"})).await;
    assert_eq!(status, 201, "{created}");
    let path = format!("{NOTES}/{}", created["id"].as_str().unwrap());
    assert_eq!(editor.get(&path).await, (reqwest::StatusCode::OK, created));
}

#[tokio::test]
async fn the_list_has_every_note_once_newest_first() {
    let service = TestService::start(&[]).await;
    let editor = service.user(Role::Editor);
    for number in 1..=5 {
        editor
            .post(NOTES, json!({"text": format!("note {number}")}))
            .await;
    }
    let texts = all_texts(&editor).await;
    assert_eq!(texts, ["note 5", "note 4", "note 3", "note 2", "note 1"]);
}

/// Follows the cursor with pages of two.
async fn all_texts(user: &User<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    let mut path = format!("{NOTES}?limit=2");
    loop {
        let (status, page) = user.get(&path).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        texts.extend(
            items
                .iter()
                .map(|note| note["text"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            return texts;
        };
        path = format!("{NOTES}?limit=2&cursor={cursor}");
    }
}

#[tokio::test]
async fn another_account_does_not_see_a_note() {
    let service = TestService::start(&[]).await;
    let (_, note) = service
        .user(Role::Editor)
        .post(NOTES, json!({"text": "mine"}))
        .await;
    let stranger = service.user(Role::Owner);
    let (status, problem) = stranger
        .get(&format!("{NOTES}/{}", note["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &json!("not_found"))
    );
    let (_, page) = stranger.get(NOTES).await;
    assert_eq!(page, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_viewer_may_not_create_a_note() {
    let service = TestService::start(&[]).await;
    let (status, problem) = service
        .user(Role::Viewer)
        .post(NOTES, json!({"text": "x"}))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (403, &json!("forbidden"))
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let service = TestService::start(&[]).await;
    let (status, problem) = answer(service.request(Method::GET, NOTES)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (401, &json!("unauthenticated"))
    );
}

#[tokio::test]
async fn a_note_without_text_is_refused_with_the_place() {
    let service = TestService::start(&[]).await;
    let (status, problem) = service
        .user(Role::Editor)
        .post(NOTES, json!({"text": ""}))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("invalid"))
    );
    assert_eq!(problem["errors"][0]["pointer"], "/text");
}

#[tokio::test]
async fn a_full_account_takes_no_more_notes() {
    let service = TestService::start(&[("NOTES_PER_ACCOUNT", "1")]).await;
    let editor = service.user(Role::Editor);
    assert_eq!(editor.post(NOTES, json!({"text": "first"})).await.0, 201);
    let (status, problem) = editor.post(NOTES, json!({"text": "second"})).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("conflict"))
    );
}

#[tokio::test]
async fn a_note_sent_twice_with_one_key_is_created_once() {
    let service = TestService::start(&[("NOTES_PER_ACCOUNT", "1")]).await;
    let editor = service.user(Role::Editor);
    let first = editor.post_once(NOTES, "k", json!({"text": "mine"})).await;
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!(
        editor.post_once(NOTES, "k", json!({"text": "mine"})).await,
        first
    );
    let (status, problem) = editor.post_once(NOTES, "k", json!({"text": "else"})).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("invalid"))
    );
    // Another account's key is another key.
    let stranger = service.user(Role::Editor);
    let (status, other) = stranger
        .post_once(NOTES, "k", json!({"text": "mine"}))
        .await;
    assert_eq!(status, 201);
    assert_ne!(other["id"], first.1["id"]);
}

#[tokio::test]
async fn a_cursor_of_nobody_is_refused() {
    let service = TestService::start(&[]).await;
    let (status, problem) = service
        .user(Role::Viewer)
        .get(&format!("{NOTES}?cursor=abc"))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (400, &json!("invalid"))
    );
}
