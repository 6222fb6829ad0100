//! `stoa demo`: an assistant to talk to, imported and trained through the public API.
//!
//! Run again it changes nothing, unless the demo's files have changed since.

mod console;
mod memory;

use crate::demo::console::Console;
use crate::demo::memory::Memory;
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stoa_contracts::assistants::Assistant;
use stoa_contracts::trainings::{Training, TrainingStatus};

const NAME: &str = "Demo";
/// What the sample exchange says unless told otherwise.
pub(crate) const GREETING: &str = "Hello, I want to report my meter reading";
const TRAINING_DATA: &str = include_str!("../../demo/training-data.yml");
const FLOWS: &str = include_str!("../../demo/flows.yml");
/// The demo trains in seconds; after this the queue or the worker is broken.
const TRAINING_DEADLINE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(250);

/// Where the platform is and who signs in.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoOptions {
    /// The platform's address as this process reaches it.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The platform's address as the user reaches it, if that is another one.
    #[arg(long)]
    pub(crate) public_url: Option<String>,
    /// The e-mail address of the demo login.
    #[arg(long, default_value = "demo@stoa.localhost")]
    pub(crate) email: String,
    /// The file that holds the password of the demo login.
    #[arg(long)]
    pub(crate) password_file: PathBuf,
    /// Where the result is written for scripts, and remembered for the next run.
    #[arg(long, default_value = ".stoa/demo.env")]
    pub(crate) env_file: PathBuf,
    /// What the sample exchange says.
    #[arg(long, default_value = GREETING)]
    pub(crate) say: String,
}

/// Imports, trains and tries the demo assistant, then prints how to talk to it.
pub(crate) async fn run(options: &DemoOptions) -> anyhow::Result<()> {
    let password = std::fs::read_to_string(&options.password_file)
        .with_context(|| format!("cannot read {}", options.password_file.display()))?;
    let password = password.trim_end_matches(['\n', '\r']);
    let console = Console::sign_in(&options.url, &options.email, password).await?;
    let mut memory = Memory::load(&options.env_file);

    let assistant = find_or_create(&console).await?;
    let digest = digest(&assistant);
    let unchanged = memory.digest == digest && assistant.active_model.is_some();
    if memory.digest != digest {
        upload(&console, &assistant).await?;
    }
    if unchanged {
        eprintln!("demo: the assistant is trained already");
    } else {
        train(&console, &assistant).await?;
    }
    memory.digest = digest;
    // An exchange is a conversation that stays: it is held once, unless something else is to be said.
    let tried = unchanged && options.say == GREETING;
    let answer = if tried && console.lets_in(&memory.api_key, assistant.id).await? {
        Vec::new()
    } else {
        talk(&console, &assistant, &mut memory, &options.say).await?
    };

    memory.url = options
        .public_url
        .as_ref()
        .unwrap_or(&options.url)
        .trim_end_matches('/')
        .into();
    memory.email.clone_from(&options.email);
    memory.password = password.into();
    memory.assistant = assistant.id.to_string();
    memory.save(&options.env_file)?;
    report(&memory, options, &answer);
    Ok(())
}

/// What the demo consists of; another assistant of the same name is another demo.
fn digest(assistant: &Assistant) -> String {
    let mut hasher = Sha256::new();
    for part in [assistant.id.to_string().as_str(), TRAINING_DATA, FLOWS] {
        hasher.update(part);
        hasher.update([0]);
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hasher.finalize())
}

async fn find_or_create(console: &Console) -> anyhow::Result<Assistant> {
    let mut cursor = String::new();
    loop {
        let page = console.assistants(&cursor).await?;
        if let Some(found) = page
            .items
            .into_iter()
            .find(|assistant| assistant.name == NAME)
        {
            return Ok(found);
        }
        match page.next_cursor {
            Some(next) => cursor = next,
            None => break,
        }
    }
    eprintln!("demo: creating the assistant");
    console.create_assistant(NAME).await
}

async fn upload(console: &Console, assistant: &Assistant) -> anyhow::Result<()> {
    eprintln!("demo: uploading training data and flows");
    console
        .put_yaml(
            &format!("/api/v1/assistants/{}/training-data", assistant.id),
            TRAINING_DATA,
        )
        .await?;
    console
        .put_yaml(&format!("/api/v1/assistants/{}/flows", assistant.id), FLOWS)
        .await
}

async fn train(console: &Console, assistant: &Assistant) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut training = console.create_training(assistant.id).await?;
    let mut shown = -1;
    loop {
        #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
        let percent = (training.progress * 100.0) as i32;
        if percent / 10 != shown / 10 || shown < 0 {
            eprintln!("demo: training {percent:3} % ({:.0?})", started.elapsed());
            shown = percent;
        }
        match training.status {
            TrainingStatus::Succeeded => {
                celebrate(&training, started);
                return Ok(());
            }
            TrainingStatus::Failed => {
                bail!(
                    "the training failed: {}",
                    training.error.unwrap_or_default()
                )
            }
            TrainingStatus::Queued | TrainingStatus::Running => {}
        }
        ensure!(
            started.elapsed() < TRAINING_DEADLINE,
            "the training takes too long: {training:?}"
        );
        tokio::time::sleep(POLL).await;
        training = console.training(training.id).await?;
    }
}

fn celebrate(training: &Training, started: Instant) {
    let accuracy = training
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.accuracy);
    let accuracy = accuracy.map_or_else(String::new, |share| format!(", accuracy {share:.2}"));
    eprintln!(
        "demo: model {} after {:.1?}{accuracy}",
        training.model,
        started.elapsed()
    );
}

/// One exchange over the Rasa-compatible channel, with a key that is good for this assistant only.
async fn talk(
    console: &Console,
    assistant: &Assistant,
    memory: &mut Memory,
    text: &str,
) -> anyhow::Result<Vec<String>> {
    if !memory.api_key.is_empty()
        && let Ok(answer) = console.say(&memory.api_key, text).await
    {
        return Ok(answer);
    }
    memory.api_key = console.replace_api_key(NAME, assistant.id).await?;
    console
        .say(&memory.api_key, text)
        .await
        .context("the sample exchange failed")
}

#[expect(
    clippy::print_stdout,
    reason = "the result is what standard output is for"
)]
fn report(memory: &Memory, options: &DemoOptions, answer: &[String]) {
    if !answer.is_empty() {
        println!("  you:  {}", options.say);
        for line in answer {
            println!("  demo: {line}");
        }
        println!();
    }
    println!("  Open      {}", memory.url);
    println!("  Sign in   {} / {}", memory.email, memory.password);
    println!("  Talk      {}", curl(memory, &options.say));
    // Inside a container it is some path of the container: whoever mounted it knows where it is.
    if options.env_file.is_relative() {
        println!("  Scripts   . {}", options.env_file.display());
    }
}

fn curl(memory: &Memory, text: &str) -> String {
    let body = serde_json::json!({ "sender": "me", "message": text }).to_string();
    format!(
        "curl -s {}/webhooks/rest/webhook -H 'Authorization: Bearer {}' \
         -H 'Content-Type: application/json' -d '{}'",
        memory.url,
        memory.api_key,
        body.replace('\'', r"'\''"),
    )
}
