//! What holds for assistants that were deleted.

use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use stoa_contracts::ErrorCode;
use stoa_contracts::hand_over::HandedJob;
use stoa_contracts::upkeep::Removed;
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::intake::hand_over;
use crate::platform::problem;
use crate::service::TestService;

/// A service that has so many parts of an assistant to remove, and does not know the path at first.
async fn has_parts(server: &MockServer, assistant: Uuid, parts: usize) {
    let calls = AtomicUsize::new(0);
    let answer = move |_: &Request| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => problem(ErrorCode::NotFound, "There is no such route."),
        call => {
            let more = call < parts;
            ResponseTemplate::new(200).set_body_json(Removed { removed: 7, more })
        }
    };
    Mock::given(method("DELETE"))
        .and(path(format!("/internal/v1/assistants/{assistant}")))
        .respond_with(answer)
        .mount(server)
        .await;
}

#[tokio::test]
async fn what_other_services_keep_of_an_assistant_is_removed_part_by_part() {
    let service = TestService::start().await;
    let (id, account, assistant) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    has_parts(&service.platform.ml, assistant, 1).await;
    has_parts(&service.platform.conversation, assistant, 3).await;
    let job = HandedJob {
        id,
        account_id: account,
        kind: "forget_assistant".into(),
        version: 1,
        payload: json!({"assistant_id": assistant}),
        trace: BTreeMap::new(),
    };
    assert_eq!(hand_over(&service, vec![job]).await.taken, [id]);
    let record = service.ended_of(account, id).await;
    // One attempt met the old `ml`, and one the old `conversation`.
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("succeeded"), &json!(3)),
        "{record}"
    );
    // `ml` was asked again by the last attempt, and had nothing more to say than before.
    assert_eq!(record["result"], json!({"removed": 28}));
    service.end().await;
}
