//! The main job: from training data to a conversation, through the public door.

use acceptance::Platform;
use anyhow::Result;
use rstest::rstest;
use serde_json::{Value, json};

#[rstest]
#[case::json("application/json", include_str!("../data/training.json"))]
#[case::rasa("application/yaml", include_str!("../data/training.yml"))]
#[case::csv("text/csv", include_str!("../data/training.csv"))]
#[tokio::test]
async fn an_assistant_learns_from_each_format(
    #[case] media_type: &str,
    #[case] data: &str,
) -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant(media_type).await?;
    let path = format!("/api/v1/assistants/{assistant}/training-data");
    let summary = platform.put(&path, media_type, data).await?.expect(200)?;
    assert_eq!(summary["intents"], 3, "{summary}");

    let training = platform.train(&assistant).await?;
    assert_eq!(training["status"], "succeeded", "{training}");
    assert_eq!(training["progress"], 1.0);

    // None of these stands in the data.
    for (text, intent) in [
        ("send a large pizza to my place please", "order_pizza"),
        ("where has my order gone", "order_status"),
        ("hello there, good morning", "greet"),
    ] {
        let parse = platform.parse(&assistant, text).await?;
        assert_eq!(parse["intent"]["name"], intent, "{parse}");
        assert_eq!(parse["model_version"], training["model"]);
    }
    Ok(())
}

#[tokio::test]
async fn an_entity_counts_its_place_in_unicode_scalar_values() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.create_assistant("Entities").await?;
    let path = format!("/api/v1/assistants/{assistant}/training-data");
    let data = include_str!("../data/training.yml");
    platform
        .put(&path, "application/yaml", data)
        .await?
        .expect(200)?;
    platform.train(&assistant).await?;

    let parse = platform
        .parse(&assistant, "🍕🍕 a large pizza, s'il vous plaît")
        .await?;
    let entities = parse["entities"].as_array().expect("a list of entities");
    let size = entities
        .iter()
        .find(|entity| entity["entity"] == "size")
        .expect("the size");
    assert_eq!(
        (&size["start"], &size["end"]),
        (&json!(5), &json!(10)),
        "{parse}"
    );
    assert_eq!(size["value"], "large");
    Ok(())
}

#[tokio::test]
async fn the_demo_assistant_fills_a_slot_over_several_turns() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.demo_assistant().await?;
    let path = format!("/api/v1/assistants/{assistant}/conversations");
    let started = platform.post(&path, &json!({})).await?.expect(201)?;
    let id = started["id"].as_str().expect("an id").to_owned();
    assert!(
        !started["messages"].as_array().expect("messages").is_empty(),
        "no greeting: {started}"
    );

    let messages = format!("/api/v1/conversations/{id}/messages");
    let say = async |text: &str| {
        platform
            .post(&messages, &json!({ "text": text }))
            .await?
            .expect(200)
    };
    let turns = [
        ("I'd like to tell you my meter reading", "contract_number"),
        ("it is SV-10023456", "meter_reading"),
    ];
    for (text, asked_next) in turns {
        let reply = say(text).await?;
        assert_eq!(reply["state"]["asking"], asked_next, "{text}: {reply}");
    }
    let last = say("it shows 48213").await?;
    let slots = &last["state"]["slots"];
    assert_eq!(slots["contract_number"], "SV-10023456", "{last}");
    assert!(
        !last["messages"].as_array().expect("messages").is_empty(),
        "no answer to the reading: {last}"
    );

    let transcript = platform
        .get(&format!("/api/v1/conversations/{id}"))
        .await?
        .expect(200)?;
    let mut texts: Vec<_> = turns.iter().map(|(text, _)| *text).collect();
    texts.push("it shows 48213");
    assert_eq!(events(&transcript, "user"), texts);
    assert_eq!(filled(&transcript, "meter_reading"), [json!(48213)]);
    assert_eq!(transcript["state"], last["state"]);
    Ok(())
}

#[tokio::test]
async fn a_rasa_client_parses_and_talks_with_an_api_key() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = platform.demo_assistant().await?;
    let key = json!({ "name": "Rasa client", "role": "viewer", "assistant_id": assistant });
    let key = platform.post("/api/v1/api-keys", &key).await?.expect(201)?;
    let client = platform.with_token(key["key"].as_str().expect("the key"));

    let parse = client
        .post("/model/parse", &json!({ "text": "there is a power cut" }))
        .await?;
    let parse = parse.expect(200)?;
    assert!(parse["intent"]["name"].is_string(), "{parse}");
    let message = json!({ "sender": "visitor-1", "message": "hello" });
    let answers = client
        .post("/webhooks/rest/webhook", &message)
        .await?
        .expect(200)?;
    assert_eq!(answers[0]["recipient_id"], "visitor-1", "{answers}");
    assert!(answers[0]["text"].is_string(), "{answers}");

    let id = key["id"].as_str().expect("an id");
    let revoked = platform.request(reqwest::Method::DELETE, &format!("/api/v1/api-keys/{id}"));
    assert_eq!(acceptance::answer(revoked).await?.status, 204);
    Ok(())
}

fn events<'a>(transcript: &'a Value, kind: &str) -> Vec<&'a str> {
    let events = transcript["events"].as_array().expect("events");
    let of_kind = events.iter().filter(|event| event["event"] == kind);
    of_kind.filter_map(|event| event["text"].as_str()).collect()
}

fn filled(transcript: &Value, slot: &str) -> Vec<Value> {
    let events = transcript["events"].as_array().expect("events");
    let of_slot = events
        .iter()
        .filter(|event| event["event"] == "slot" && event["name"] == slot);
    of_slot
        .map(|event| event["value"].clone())
        .filter(|value| !value.is_null())
        .collect()
}
