//! Lists and search.

use crate::service::{TestService, answer};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_list_is_paged_newest_first() {
    let service = TestService::start().await;
    let user = service.user();
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.insert(0, user.open().await);
    }
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let mut listed = Vec::new();
    let mut next = format!("{path}?limit=2");
    for size in [2, 2, 1] {
        let (status, page) = user.get(&next).await;
        assert_eq!(status, 200, "{page}");
        let ids = ids(&page);
        assert_eq!(ids.len(), size);
        listed.extend(ids);
        next = format!(
            "{path}?limit=2&cursor={}",
            page["next_cursor"].as_str().unwrap_or("")
        );
    }
    assert_eq!(listed, opened);
}

#[tokio::test]
async fn conversations_are_found_by_what_was_said_and_by_status() {
    let service = TestService::start().await;
    let user = service.user();
    let (meter, human, _) = (user.open().await, user.open().await, user.open().await);
    user.say(&meter, "I report my Zähler").await;
    user.say(&human, "a human, please").await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    for (query, found) in [
        ("text=z%C3%A4hler", vec![&meter]),
        ("text=repor", vec![&meter]),
        ("text=colleague%20takes", vec![&human]),
        ("text=colleague%20meter", vec![]),
        ("status=handover", vec![&human]),
        ("status=handover&text=meter", vec![]),
    ] {
        let (status, page) = user.get(&format!("{path}?{query}")).await;
        assert_eq!(status, 200, "{query}: {page}");
        assert_eq!(ids(&page).iter().collect::<Vec<_>>(), found, "{query}");
    }
}

#[tokio::test]
async fn what_is_written_with_signs_is_found_whole_and_by_its_parts() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let said = "SV-123456, ann@example.org: 48.50 € on 2026-11-28; \
                see https://example.com/a-b/c?d=e_f#g and /etc/passwd, it's 'so' \\ \"far\"";
    user.say(&id, said).await;
    user.open().await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let find = async |text: &str| {
        let request = user.request(Method::GET, &path).query(&[("text", text)]);
        let (status, page) = answer(request).await;
        assert_eq!(status, 200, "{text}: {page}");
        ids(&page)
    };
    let found = [id];
    for text in [
        "SV-123456",
        "sv-12",
        "123456",
        "ann@example.org",
        "Ann@exam",
        "example.org",
        "48.50",
        "2026-11-28",
        "2026-11",
        "https://example.com/a-b/c?d=e_f#g",
        "example.com",
        "/etc/passwd",
        "passwd",
        "it's",
        "'so' \\ far",
        "far & so | 48:*",
        said,
    ] {
        assert_eq!(find(text).await, found, "{text}");
    }
    for text in ["SV-654321", "ann@example.net", "48.51", "sv-12 tomorrow"] {
        assert!(find(text).await.is_empty(), "{text}");
    }
}

#[tokio::test]
async fn a_search_for_signs_alone_finds_nothing_and_one_for_nothing_everything() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    for (text, found) in [
        ("%27%26%7C%3A%2A%20%21%28", vec![]),
        ("%21%21%21", vec![]),
        ("", vec![id.clone()]),
        ("%20%00", vec![id]),
    ] {
        let (status, page) = user.get(&format!("{path}?text={text}")).await;
        assert_eq!((status, ids(&page)), (200, found), "{text}");
    }
}

#[tokio::test]
async fn a_bad_query_is_refused() {
    let service = TestService::start().await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    for query in [
        "limit=0",
        "limit=1000",
        "cursor=x",
        "status=lost",
        "status=ended",
    ] {
        let (status, problem) = service.user().get(&format!("{path}?{query}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("invalid")),
            "{query}"
        );
    }
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items.iter().map(id).collect()
}
