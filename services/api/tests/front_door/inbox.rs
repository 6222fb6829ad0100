//! The inbox: what comes in, who sees it, and what a label does.

use serde_json::{Value, json};
use sqlx::PgPool;
use stoa_contracts::identity::Role;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::service::{Answer, INTERNAL, Service};

/// A service with an assistant that knows `greet` and `goodbye`.
struct World {
    service: Service,
    token: String,
    assistant: String,
}

impl World {
    async fn start() -> Self {
        let service = Service::start().await;
        let token = service.token(Role::Editor).await;
        let path = service.trainable(&token).await;
        let assistant = path.rsplit('/').next().expect("an id").to_owned();
        Self {
            service,
            token,
            assistant,
        }
    }

    /// Brings utterances as `worker` does.
    async fn bring(&self, batch: Uuid, utterances: &[Value]) -> Answer {
        let path = format!("/internal/v1/assistants/{}/inbox/{batch}", self.assistant);
        let body = json!({ "utterances": utterances }).to_string();
        let request = self.service.put(&path, INTERNAL, "application/json", &body);
        request.await
    }

    async fn take(&self, utterances: &[Value]) {
        self.bring(Uuid::now_v7(), utterances).await.ok(200);
    }

    async fn list(&self, query: &str) -> Value {
        let path = format!("/api/v1/inbox?assistant_id={}{query}", self.assistant);
        self.service.get(&path, &self.token).await.ok(200)
    }

    /// The only item of a list.
    async fn only(&self, query: &str) -> Value {
        let page = self.list(query).await;
        let items = page["items"].as_array().expect("items");
        assert_eq!(items.len(), 1, "{page}");
        items[0].clone()
    }

    async fn label(&self, item: &Value, body: Value) -> Answer {
        let id = item["id"].as_str().expect("an id");
        let path = format!("/api/v1/inbox/{id}/label");
        self.service.post(&path, &self.token, body).await
    }

    async fn data(&self) -> Value {
        let path = format!("/api/v1/assistants/{}/training-data", self.assistant);
        self.service.get(&path, &self.token).await.ok(200)
    }

    async fn version(&self) -> i32 {
        let select =
            sqlx::query_scalar("SELECT training_data_version FROM assistants WHERE id = $1");
        let id: Uuid = self.assistant.parse().expect("an id");
        let version = select.bind(id).fetch_one(&self.service.pool).await;
        version.expect("the assistant is there")
    }
}

/// An utterance that was said `times` times, the last time `minutes` ago.
fn said(text: &str, times: u32, minutes: i64) -> Value {
    let at = |minutes| {
        let time = OffsetDateTime::now_utc() - Duration::minutes(minutes);
        time.format(&Rfc3339).expect("a time")
    };
    json!({
        "text": text, "times": times, "first_at": at(minutes + 5), "last_at": at(minutes), "model_version": 3,
        "guesses": [{"name": "greet", "confidence": 0.4}, {"name": "goodbye", "confidence": 0.3}],
    })
}

fn texts(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["text"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn what_was_said_most_often_comes_first_and_pages_go_on() {
    let world = World::start().await;
    let utterances = [
        said("rare", 1, 9),
        said("often", 7, 8),
        said("newer", 1, 2),
        said("two", 2, 5),
    ];
    world.take(&utterances).await;
    let page = world.list("&limit=3").await;
    assert_eq!(texts(&page), ["often", "two", "newer"]);
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let rest = world.list(&format!("&limit=3&cursor={cursor}")).await;
    assert_eq!(
        (texts(&rest), &rest["next_cursor"]),
        (vec!["rare"], &Value::Null)
    );
    let first = &page["items"][0];
    assert_eq!(
        (&first["seen"], &first["model_version"], &first["status"]),
        (&json!(7), &json!(3), &json!("open"))
    );
    assert_eq!(
        first["guesses"][0],
        json!({"name": "greet", "confidence": 0.4})
    );
    let nonsense = format!(
        "/api/v1/inbox?assistant_id={}&cursor=nonsense",
        world.assistant
    );
    world
        .service
        .get(&nonsense, &world.token)
        .await
        .problem(400);
    world
        .service
        .get("/api/v1/inbox?status=lost", &world.token)
        .await
        .problem(400);
}

#[tokio::test]
async fn the_same_batch_twice_is_counted_once_and_the_same_words_are_one_item() {
    let world = World::start().await;
    let batch = Uuid::now_v7();
    let utterances = [said("Hello  THERE", 2, 9), said("hello there", 1, 3)];
    for taken in [1, 0] {
        let answer = world.bring(batch, &utterances).await.ok(200);
        assert_eq!(answer["taken"], taken);
    }
    let item = world.only("").await;
    assert_eq!(
        (&item["text"], &item["seen"]),
        (&json!("hello there"), &json!(3))
    );
    // One that comes late does not make what is known older.
    world.take(&[said(" HELLO there", 4, 60)]).await;
    let later = world.only("").await;
    assert_eq!(
        (&later["text"], &later["seen"]),
        (&json!("hello there"), &json!(7))
    );
    assert_eq!(later["last_at"], item["last_at"]);
    assert!(
        later["first_at"].as_str() < item["first_at"].as_str(),
        "{later}"
    );
}

#[tokio::test]
async fn batches_that_make_no_sense_are_refused_whole() {
    let world = World::start().await;
    for bad in [
        said(" ", 1, 1),
        said("nul \u{0}", 1, 1),
        said(&"x".repeat(2001), 1, 1),
        said("never", 0, 1),
    ] {
        world
            .bring(Uuid::now_v7(), &[said("good", 1, 1), bad])
            .await
            .problem(422);
    }
    assert!(texts(&world.list("").await).is_empty());
    let unknown = format!(
        "/internal/v1/assistants/{}/inbox/{}",
        Uuid::now_v7(),
        Uuid::now_v7()
    );
    let body = r#"{"utterances": []}"#;
    let put = |token: &'static str| world.service.put(&unknown, token, "application/json", body);
    put(INTERNAL).await.problem(404);
    put("").await.problem(401);
}

#[tokio::test]
async fn a_label_makes_an_example_of_it_in_a_new_revision_and_twice_is_once() {
    let world = World::start().await;
    world.take(&[said(" good day to you ", 3, 1)]).await;
    let item = world.only("").await;
    for _ in 0..2 {
        let labelled = world.label(&item, json!({"intent": "greet"})).await.ok(200);
        assert_eq!(
            (&labelled["status"], &labelled["intent"]),
            (&json!("labelled"), &json!("greet"))
        );
        assert!(labelled["decided_at"].is_string(), "{labelled}");
    }
    assert_eq!(world.version().await, 2);
    let data = world.data().await;
    let examples = data["examples"].as_array().expect("examples");
    assert_eq!(examples.len(), 3, "{data}");
    assert_eq!(
        examples[2],
        json!({"text": "good day to you", "intent": "greet"})
    );
    assert!(texts(&world.list("").await).is_empty());

    let other = world
        .label(&item, json!({"intent": "goodbye"}))
        .await
        .problem(409);
    assert!(
        other["detail"].as_str().unwrap().contains("`greet`"),
        "{other}"
    );
    world
        .label(&item, json!({"dismiss": true}))
        .await
        .problem(409);
    // Said again, it stays what it is, and is counted.
    world.take(&[said("Good day to you", 2, 0)]).await;
    let item = world.only("&status=labelled").await;
    assert_eq!(
        (&item["seen"], &item["intent"]),
        (&json!(5), &json!("greet"))
    );
    // What is trained on knows the new revision as any other.
    let path = format!("/api/v1/assistants/{}/trainings", world.assistant);
    let training = world
        .service
        .post(&path, &world.token, json!({}))
        .await
        .ok(202);
    let snapshot = format!(
        "/internal/v1/trainings/{}/snapshot",
        training["id"].as_str().unwrap()
    );
    let snapshot = world.service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(
        snapshot["data"]["examples"].as_array().map(Vec::len),
        Some(3)
    );
}

#[tokio::test]
async fn a_new_intent_comes_to_be_only_when_it_is_asked_for() {
    let world = World::start().await;
    world.take(&[said("where is my parcel", 1, 1)]).await;
    let item = world.only("").await;
    let problem = world
        .label(&item, json!({"intent": "track"}))
        .await
        .problem(422);
    assert_eq!(problem["errors"][0]["pointer"], "/intent");
    let message = problem["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("`goodbye`, `greet`"), "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("create_intent"),
        "{problem}"
    );
    assert_eq!(
        (world.version().await, world.only("").await),
        (1, item.clone())
    );

    world
        .label(&item, json!({"intent": "track", "create_intent": true}))
        .await
        .ok(200);
    assert_eq!(world.data().await["examples"][2]["intent"], "track");
    world.take(&[said("my parcel?", 1, 1)]).await;
    let next = world.only("").await;
    world.label(&next, json!({"intent": "track"})).await.ok(200);
}

#[tokio::test]
async fn the_known_intents_that_a_problem_names_have_a_bound() {
    let world = World::start().await;
    let rows = (0..120).map(|n| format!("text {n},intent_{n:03}\n"));
    let csv: String = std::iter::once("text,intent\n".to_owned())
        .chain(rows)
        .collect();
    let path = format!("/api/v1/assistants/{}/training-data", world.assistant);
    world
        .service
        .put(&path, &world.token, "text/csv", &csv)
        .await
        .ok(200);
    world.take(&[said("what", 1, 1)]).await;
    let item = world.only("").await;
    let problem = world
        .label(&item, json!({"intent": "x"}))
        .await
        .problem(422);
    let message = problem["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("`intent_049` and 70 more"), "{message}");
}

#[tokio::test]
async fn out_of_scope_is_a_label_and_an_example_that_is_there_is_not_added_twice() {
    let world = World::start().await;
    world
        .take(&[said("sing me a song", 1, 1), said("hello", 2, 1)])
        .await;
    let page = world.list("").await;
    let (hello, song) = (&page["items"][0], &page["items"][1]);
    world
        .label(song, json!({"intent": "out_of_scope"}))
        .await
        .ok(200);
    let data = world.data().await;
    assert_eq!(
        data["examples"][2],
        json!({"text": "sing me a song", "intent": null})
    );
    world.label(hello, json!({"intent": "greet"})).await.ok(200);
    assert_eq!((world.version().await, world.data().await), (2, data));
}

#[tokio::test]
async fn an_assistant_without_data_gets_its_first_example() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.assistant(&token).await;
    let assistant = path.rsplit('/').next().expect("an id").to_owned();
    let world = World {
        service,
        token,
        assistant,
    };
    world.take(&[said("hi", 1, 1)]).await;
    let item = world.only("").await;
    let problem = world
        .label(&item, json!({"intent": "greet"}))
        .await
        .problem(422);
    assert!(
        problem["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("no intent yet"),
        "{problem}"
    );
    world
        .label(&item, json!({"intent": "greet", "create_intent": true}))
        .await
        .ok(200);
    assert_eq!(
        world.data().await,
        json!({"examples": [{"text": "hi", "intent": "greet"}]})
    );
}

#[tokio::test]
async fn what_is_dismissed_stays_dismissed_until_it_is_labelled() {
    let world = World::start().await;
    world.take(&[said("asdf", 1, 1)]).await;
    let item = world.only("").await;
    for _ in 0..2 {
        let dismissed = world.label(&item, json!({"dismiss": true})).await.ok(200);
        assert_eq!(
            (&dismissed["status"], &dismissed["intent"]),
            (&json!("dismissed"), &Value::Null)
        );
    }
    world.take(&[said("asdf", 1, 0)]).await;
    assert!(texts(&world.list("").await).is_empty());
    assert_eq!(world.only("&status=dismissed").await["seen"], 2);
    assert_eq!(world.version().await, 1);
    world.label(&item, json!({"intent": "greet"})).await.ok(200);
    assert_eq!(world.version().await, 2);
}

#[tokio::test]
async fn a_label_says_either_or() {
    let world = World::start().await;
    world.take(&[said("hi there", 1, 1)]).await;
    let item = world.only("").await;
    for body in [
        json!({}),
        json!({"intent": "greet", "dismiss": true}),
        json!({"intent": ""}),
        json!({"intent": " greet"}),
        json!({"intent": "greet", "unknown": 1}),
    ] {
        world.label(&item, body).await.problem(422);
    }
    assert_eq!(world.only("").await, item);
}

#[tokio::test]
async fn another_account_neither_sees_nor_labels_and_a_viewer_only_sees() {
    let world = World::start().await;
    world.take(&[said("hi there", 1, 1)]).await;
    let item = world.only("").await;
    let label = format!("/api/v1/inbox/{}/label", item["id"].as_str().unwrap());
    let body = json!({"dismiss": true});
    let stranger = world.service.stranger().await;
    let list = format!("/api/v1/inbox?assistant_id={}", world.assistant);
    world.service.get(&list, &stranger).await.problem(404);
    let all = world.service.get("/api/v1/inbox", &stranger).await.ok(200);
    assert!(texts(&all).is_empty(), "{all}");
    world
        .service
        .post(&label, &stranger, body.clone())
        .await
        .problem(404);

    let viewer = world.service.token(Role::Viewer).await;
    let seen = world.service.get("/api/v1/inbox", &viewer).await.ok(200);
    assert_eq!(texts(&seen), ["hi there"]);
    world
        .service
        .post(&label, &viewer, body.clone())
        .await
        .problem(403);

    let account = account(&world.service.pool).await;
    let key = world
        .service
        .token_of(account, Role::Editor, Some(Uuid::now_v7()));
    assert!(texts(&world.service.get("/api/v1/inbox", &key).await.ok(200)).is_empty());
    world.service.get(&list, &key).await.problem(404);
    world.service.post(&label, &key, body).await.problem(404);
}

async fn account(pool: &PgPool) -> Uuid {
    let select = sqlx::query_scalar("SELECT account_id FROM users LIMIT 1");
    select.fetch_one(pool).await.expect("the owner is there")
}

#[tokio::test]
async fn collection_can_be_switched_off() {
    let world = World::start().await;
    let path = format!("/api/v1/assistants/{}", world.assistant);
    let internal = format!("/internal/v1/assistants/{}", world.assistant);
    let before = world.service.get(&internal, INTERNAL).await.ok(200);
    assert_eq!(before["collects_utterances"], true);
    let switch = world
        .service
        .request(reqwest::Method::PATCH, &path, &world.token);
    let patched = crate::service::send(switch.json(&json!({"collects_utterances": false})))
        .await
        .ok(200);
    assert_eq!(patched["collects_utterances"], false);
    let after = world.service.get(&internal, INTERNAL).await.ok(200);
    assert_eq!(after["collects_utterances"], false);
    // What is still on its way is not kept.
    world.take(&[said("late", 1, 0)]).await;
    assert!(texts(&world.list("").await).is_empty());
}

#[tokio::test]
async fn the_newest_ten_thousand_stay_and_what_was_not_said_for_long_goes() {
    let world = World::start().await;
    let insert = "INSERT INTO inbox_items (id, assistant_id, text_hash, text, seen, first_at, last_at, guesses, model_version)
        SELECT gen_random_uuid(), $1, int4send(n), 'old ' || n, 1, now() - interval '1 day', now() - interval '1 day' - n * interval '1 s',
            '[]', 1 FROM generate_series(1, 10000) n";
    let id: Uuid = world.assistant.parse().expect("an id");
    sqlx::query(insert)
        .bind(id)
        .execute(&world.service.pool)
        .await
        .expect("items are inserted");
    world.take(&[said("new", 1, 0), said("newer", 1, 0)]).await;
    let count = || async {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox_items")
            .fetch_one(&world.service.pool)
            .await
            .expect("a count");
        count
    };
    assert_eq!(count().await, 10_000);
    let oldest: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM inbox_items WHERE text = 'old 9999')")
            .fetch_one(&world.service.pool)
            .await
            .expect("an answer");
    assert!(!oldest);

    world.service.pass(Duration::days(89) + Duration::hours(12));
    loop {
        let removed = world
            .service
            .post("/internal/v1/upkeep", INTERNAL, json!(null))
            .await
            .ok(200);
        if removed["more"] == false {
            break;
        }
    }
    assert_eq!(count().await, 2);
}
