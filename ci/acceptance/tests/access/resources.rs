//! One of everything that has an id, in an account.

use crate::roles::Least;
use acceptance::{Answer, Platform, document::Operation};
use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

const DATA: &str = include_str!("../../data/training.csv");
/// Gathering, the queue and polling included.
const DEADLINE: Duration = Duration::from_mins(1);
const FLOWS: &str = "settings:\n  start: welcome\nflows:\n  welcome:\n    steps:\n      - say: hello\nresponses:\n  hello: [Hello!]\n";
/// What the assistant does not understand.
const UNKNOWN: &str = "ψάξε ξύδι";
/// What is there already, for all accounts: its queues.
const SHARED: [&str; 1] = ["queues"];

/// What an account has, by the collection that it stands in: `assistants` for `/api/v1/assistants/{id}`.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) by_collection: BTreeMap<String, String>,
    /// Stands in every text of the account, and nowhere else.
    pub(crate) marker: String,
}

impl Resources {
    /// Creates one of everything.
    pub(crate) async fn create(owner: &Platform, operations: &[Operation]) -> Result<Self> {
        let marker = format!("m{}", Uuid::new_v4().simple());
        let mut made = Self {
            by_collection: BTreeMap::from([("queues".into(), "trainings".into())]),
            marker,
        };
        made.add_assistant(owner).await?;
        made.add_runs(owner).await?;
        made.add_settings(owner).await?;
        made.add_talk(owner).await?;
        for operation in operations.iter().filter(|known| known.has_parameter()) {
            made.add_by_convention(owner, operation, operations).await?;
        }
        settled(owner).await?;
        Ok(made)
    }

    /// An assistant with data and a model.
    async fn add_assistant(&mut self, owner: &Platform) -> Result<()> {
        let assistant = owner.create_assistant(&self.marker).await?;
        let path = format!("/api/v1/assistants/{assistant}");
        let data = format!("{DATA}{} is what nobody else may know,greet\n", self.marker);
        let documents = [
            ("training-data", "text/csv", data),
            ("flows", "application/yaml", FLOWS.to_owned()),
        ];
        for (name, kind, document) in documents {
            let put = owner.put(&format!("{path}/{name}"), kind, document).await?;
            put.expect(200)?;
        }
        let training = owner.train(&assistant).await?;
        self.add("assistants", &json!({ "id": assistant }))?;
        self.add("trainings", &training)?;
        self.put("models", training["model"].to_string());
        self.put("revisions", "1".to_owned());
        Ok(())
    }

    /// What is done to it by jobs, which have the same ids.
    async fn add_runs(&mut self, owner: &Platform) -> Result<()> {
        let path = format!("/api/v1/assistants/{}", self.of("assistants")?);
        let folds = json!({ "folds": 2 });
        let format = json!({ "format": "csv" });
        for (collection, body) in [("evaluations", folds), ("exports", format)] {
            let started = owner.post(&format!("{path}/{collection}"), &body).await?;
            self.add(collection, &started.expect(202)?)?;
        }
        let csv = format!("text,intent\n{} again,greet\n", self.marker);
        let request = owner.request(Method::POST, &format!("{path}/imports?mode=merge"));
        let request = request.header("content-type", "text/csv").body(csv);
        let import = acceptance::answer(request).await?.expect(202)?;
        self.add("imports", &import)?;
        self.add("jobs", &import)?;
        for collection in ["evaluations", "exports", "imports"] {
            let run = format!("/api/v1/{collection}/{}", self.of(collection)?);
            let ended = owner.finished(&run).await?;
            ensure!(ended["status"] == "succeeded", "{run}: {ended}");
        }
        Ok(())
    }

    /// What an owner sets up.
    async fn add_settings(&mut self, owner: &Platform) -> Result<()> {
        let name = format!("nightly-{}", Uuid::new_v4().simple());
        let job = json!({ "kind": "retrain", "assistant_id": self.of("assistants")? });
        let schedule = json!({ "name": name, "cron": "30 3 * * *", "job": job });
        let made = owner.post("/api/v1/schedules", &schedule).await?;
        made.expect(201)?;
        self.put("schedules", name);
        let url = format!("https://{}.example.org/", self.marker);
        let webhook = json!({ "url": url, "events": ["training.failed"] });
        let key = json!({ "name": self.marker, "role": "viewer" });
        for (collection, body) in [("webhooks", webhook), ("api-keys", key)] {
            let made = owner.post(&format!("/api/v1/{collection}"), &body).await?;
            self.add(collection, &made.expect(201)?)?;
        }
        for collection in ["users", "sessions"] {
            let list = owner.get(&format!("/api/v1/{collection}")).await?;
            self.add(collection, &list.expect(200)?["items"][0])?;
        }
        Ok(())
    }

    /// What users say.
    async fn add_talk(&mut self, owner: &Platform) -> Result<()> {
        let assistant = self.of("assistants")?.to_owned();
        let text = format!("hello {}", self.marker);
        let conversations = format!("/api/v1/assistants/{assistant}/conversations");
        let opened = owner.post(&conversations, &json!({})).await?.expect(201)?;
        self.add("conversations", &opened)?;
        let path = format!(
            "/api/v1/conversations/{}/messages",
            self.of("conversations")?
        );
        let said = owner.post(&path, &json!({ "text": text })).await?;
        said.expect(200)?;
        // No word of it stands in the data, so it is noticed as not understood; the last thing that is.
        owner.parse(&assistant, UNKNOWN).await?;
        let list = format!("/api/v1/inbox?assistant_id={assistant}");
        let is_there = |page: &Value| unknown(page).is_some();
        let noticed = until(owner, &list, is_there).await?;
        self.add("inbox", unknown(&noticed).context("it was there")?)
    }

    /// What is in no list here is made from the example of its collection's POST, as of a copy of the stub.
    async fn add_by_convention(
        &mut self,
        owner: &Platform,
        operation: &Operation,
        operations: &[Operation],
    ) -> Result<()> {
        let Some((collection, _)) = operation.path.split_once("/{") else {
            return Ok(());
        };
        let name = collection.rsplit('/').next().unwrap_or_default();
        if self.by_collection.contains_key(name) {
            return Ok(());
        }
        let create = operations
            .iter()
            .find(|known| known.path == collection && known.method == Method::POST);
        let create = create.with_context(|| {
            format!(
                "{} has an id, and nothing of it is made here: add it",
                operation.path
            )
        })?;
        let made = create.ask(owner, collection).await?.expect(201);
        let made = made.with_context(|| format!("by the example of {collection}"))?;
        self.add(name, &made)
    }

    /// The path of an operation, with what there is in place of its parameters.
    pub(crate) fn fill(&self, path: &str) -> Result<String> {
        fill(path, |collection| self.of(collection).map(str::to_owned))
    }

    /// Whether the path is about what all accounts share.
    pub(crate) fn is_shared(path: &str) -> bool {
        SHARED
            .iter()
            .any(|name| path.contains(&format!("/{name}/")))
    }

    /// What may stand in no answer to anybody else at this path. What was asked for may be named.
    pub(crate) fn require_secret(&self, path: &str, answer: &Answer) -> Result<()> {
        let own = self.by_collection.values().filter(|id| id.len() > 30);
        for secret in own.chain([&self.marker]) {
            let is_told = answer.text.contains(secret) && !path.contains(secret.as_str());
            ensure!(!is_told, "{path} tells of {secret}: {}", answer.text);
        }
        Ok(())
    }

    /// Everything that the owner can see, by path.
    pub(crate) async fn snapshot(
        &self,
        owner: &Platform,
        operations: &[Operation],
    ) -> Result<BTreeMap<String, String>> {
        let mut seen = BTreeMap::new();
        let reads = operations.iter().filter(|known| {
            let is_data = known.method == Method::GET && known.path.starts_with("/api/v1/");
            let is_theirs = Least::of(known) <= Least::Owner;
            is_data && is_theirs && !known.is_stream() && !known.path.contains("/queues")
        });
        for read in reads {
            let path = self.fill(&read.path)?;
            let answer = read.ask(owner, &path).await?;
            let (status, text) = (answer.status, answer.text);
            ensure!(status == 200, "{path}: {status}: {text}");
            seen.insert(path, text);
        }
        Ok(seen)
    }

    fn of(&self, collection: &str) -> Result<&str> {
        let found = self.by_collection.get(collection).map(String::as_str);
        found.with_context(|| format!("nothing of {collection} is made here: add it"))
    }

    fn add(&mut self, collection: &str, made: &Value) -> Result<()> {
        let id = made["id"].as_str();
        let id = id.with_context(|| format!("{collection}: no id in {made}"))?;
        self.put(collection, id.to_owned());
        Ok(())
    }

    fn put(&mut self, collection: &str, id: String) {
        self.by_collection.insert(collection.to_owned(), id);
    }
}

/// Refuses what has changed, other than what the test itself has made.
pub(crate) fn require_same(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    own: &[&str],
) -> Result<()> {
    for (path, was) in before {
        let is = after.get(path);
        let is_same = is == Some(was) || own.contains(&path.as_str());
        ensure!(is_same, "{path} has changed: {was} is now {is:?}");
    }
    Ok(())
}

/// The path with a value for each parameter, by the segment before it.
pub(crate) fn fill(path: &str, value: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut filled: Vec<String> = Vec::new();
    for segment in path.split('/') {
        let next = match (segment.strip_prefix('{'), filled.last()) {
            (None, _) => segment.to_owned(),
            (Some(_), Some(collection)) => value(collection)?,
            (Some(_), None) => bail!("{path} begins with a parameter"),
        };
        filled.push(next);
    }
    Ok(filled.join("/"))
}

/// Waits until no job of the account is about to change what a snapshot shows.
async fn settled(owner: &Platform) -> Result<()> {
    let is_still = |page: &Value| {
        let jobs = page["items"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_over = |job: &Value| matches!(job["status"].as_str(), Some("succeeded" | "failed"));
        jobs.iter().all(is_over)
    };
    until(owner, "/api/v1/jobs?limit=100", is_still).await?;
    Ok(())
}

async fn until(owner: &Platform, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    let start = Instant::now();
    loop {
        let page = owner.get(path).await?.expect(200)?;
        if is_so(&page) {
            return Ok(page);
        }
        ensure!(start.elapsed() < DEADLINE, "not there yet: {page}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn unknown(inbox: &Value) -> Option<&Value> {
    let mut items = inbox["items"].as_array()?.iter();
    items.find(|item| item["text"] == UNKNOWN)
}
