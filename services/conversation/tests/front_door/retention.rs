//! Conversations are kept as long as the service is told.

use serde_json::{Value, json};
use std::time::Duration;
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::others::INTERNAL_TOKEN;
use crate::service::TestService;

const DAY: Duration = Duration::from_hours(24);

/// Lets old conversations be removed, as `worker` does.
async fn upkeep(service: &TestService, token: &str) -> (u16, Value) {
    let request = reqwest::Client::new().post(service.url(0, "/internal/v1/upkeep"));
    crate::service::answer(request.bearer_auth(token)).await
}

#[tokio::test]
async fn a_conversation_is_removed_when_nothing_has_happened_in_it_for_long() {
    let service = TestService::start().await;
    let old = service.user().open().await;
    let in_use = service.user().open().await;
    service.advance(20 * DAY);
    service.user().say(&in_use, "hello").await;
    service.advance(20 * DAY);
    let (status, answer) = upkeep(&service, INTERNAL_TOKEN).await;
    assert_eq!(
        (status, &answer["removed"], &answer["more"]),
        (200, &1.into(), &false.into())
    );
    let user = service.user();
    assert_eq!(
        user.get(&format!("/api/v1/conversations/{old}")).await.0,
        404
    );
    assert!(!user.events(&in_use).await.is_empty());
    let (_, again) = upkeep(&service, INTERNAL_TOKEN).await;
    assert_eq!(again["removed"], 0);
}

#[tokio::test]
async fn many_are_removed_in_parts() {
    let service = TestService::start().await;
    for _ in 0..101 {
        service.user().open().await;
    }
    service.advance(40 * DAY);
    let (_, first) = upkeep(&service, INTERNAL_TOKEN).await;
    assert_eq!(
        (&first["removed"], &first["more"]),
        (&100.into(), &true.into())
    );
    let (_, second) = upkeep(&service, INTERNAL_TOKEN).await;
    assert_eq!(
        (&second["removed"], &second["more"]),
        (&1.into(), &false.into())
    );
}

/// Lets the conversations of an assistant be removed, as `worker` does when it was deleted.
async fn forget(service: &TestService, assistant: Uuid, token: &str) -> (u16, Value) {
    let url = service.url(0, &format!("/internal/v1/assistants/{assistant}"));
    let request = reqwest::Client::new().delete(url);
    crate::service::answer(request.bearer_auth(token)).await
}

#[tokio::test]
async fn the_conversations_of_an_assistant_go_with_it_in_parts() {
    let service = TestService::start().await;
    let other = service.others.assistant(service.account, Some(1)).await;
    let path = format!("/api/v1/assistants/{other}/conversations");
    let (_, kept) = service.user().post(&path, json!({})).await;
    let mut last = String::new();
    for _ in 0..101 {
        last = service.user().open().await;
    }
    service.user().say(&last, "hello").await;
    for (removed, more) in [(100, true), (1, false), (0, false)] {
        let answer = forget(&service, service.assistant, INTERNAL_TOKEN).await;
        assert_eq!(answer, (200, json!({"removed": removed, "more": more})));
    }
    let user = service.user();
    let gone = user.get(&format!("/api/v1/conversations/{last}")).await;
    assert_eq!(gone.0, 404);
    let kept = kept["id"].as_str().expect("an id");
    assert!(!user.events(kept).await.is_empty());
    let asked = forget(&service, other, &user.token).await;
    assert_eq!(asked.0, 401);
}

#[tokio::test]
async fn nothing_is_opened_for_an_assistant_that_was_deleted_though_it_is_still_remembered() {
    let service = TestService::start().await;
    let client = service.someone(service.account, Role::Viewer, Some(service.assistant));
    client.open().await;
    forget(&service, service.assistant, INTERNAL_TOKEN).await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let message = json!({"sender": "ada", "message": "hello"});
    for (path, body) in [
        (path.as_str(), json!({})),
        ("/webhooks/rest/webhook", message),
    ] {
        let (status, problem) = client.post(path, body).await;
        assert_eq!(
            (status, &problem["detail"]),
            (404, &json!("There is no such assistant.")),
            "{path}"
        );
    }
    assert_eq!(client.get(&path).await.1["items"], json!([]));
}

#[tokio::test]
async fn what_was_opened_while_its_assistant_was_forgotten_goes_with_the_next_upkeep() {
    let service = TestService::start().await;
    forget(&service, service.assistant, INTERNAL_TOKEN).await;
    let pool = service.pool().await;
    // Committed too late to be seen by that; and one of an assistant that is there.
    let late = "INSERT INTO conversations (id, account_id, assistant_id, channel, status, engine, created_at, updated_at)
        SELECT gen_random_uuid(), $1, assistant, 'api', 'active', '{}', now(), now()
        FROM UNNEST($2::uuid[]) AS assistant";
    let assistants = vec![service.assistant, Uuid::now_v7()];
    let late = sqlx::query(late).bind(service.account).bind(&assistants);
    late.execute(&pool).await.expect("inserts");
    let (_, answer) = upkeep(&service, INTERNAL_TOKEN).await;
    assert_eq!(answer, json!({"removed": 1, "more": false}));
    let left = sqlx::query_scalar("SELECT assistant_id FROM conversations");
    let left: Vec<Uuid> = left.fetch_all(&pool).await.expect("reads");
    assert_eq!(left, assistants[1..]);
    // Nobody can know the assistant any more.
    service.advance(2 * DAY);
    upkeep(&service, INTERNAL_TOKEN).await;
    let refused = sqlx::query_scalar("SELECT count(*) FROM forgotten_assistants");
    let refused: i64 = refused.fetch_one(&pool).await.expect("counts");
    assert_eq!(refused, 0);
}

#[tokio::test]
async fn only_services_have_conversations_removed() {
    let service = TestService::start().await;
    let user = service.user().token;
    assert_eq!(upkeep(&service, &user).await.0, 401);
}
