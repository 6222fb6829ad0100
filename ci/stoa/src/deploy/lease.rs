//! The lock's config: its labels say who holds it, and a change of them names the version that it replaces.

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard::models::{Config, ConfigSpec};
use bollard::query_parameters::UpdateConfigOptions;
use std::collections::HashMap;
use std::fmt;
use uuid::Uuid;

use crate::cluster::{Engine, status};

const HOLDER: &str = "dev.stoa.holder";
const BY: &str = "dev.stoa.by";
const NUMBER: &str = "dev.stoa.number";
const BEAT: &str = "dev.stoa.beat";
/// Swarm takes no empty content.
const CONTENT: &str = "lock";

/// The config of a lock.
#[derive(Clone)]
pub(super) struct Lease {
    engine: Engine,
    name: String,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Drawn anew for every holding.
    pub(super) id: Uuid,
    /// The user of the pipeline or of the machine.
    pub(crate) by: String,
    /// The release that it is about.
    pub(crate) number: Option<u64>,
    /// Counts up as long as the holder lives.
    pub(super) beat: u64,
}

/// A lock as it was read.
pub(super) struct Seen {
    id: String,
    pub(super) index: u64,
    pub(super) holder: Option<Holder>,
}

impl Lease {
    pub(super) fn new(engine: &Engine, name: &str) -> Self {
        Self {
            engine: engine.clone(),
            name: name.to_owned(),
        }
    }

    /// The same lease, as another manager knows it.
    pub(super) async fn elsewhere(&self) -> anyhow::Result<Self> {
        Ok(Self::new(&self.engine.another().await?, &self.name))
    }

    /// Nothing if it was never taken.
    pub(super) async fn read(&self) -> anyhow::Result<Option<Seen>> {
        match self.engine.docker.inspect_config(&self.name).await {
            Ok(config) => seen(config).map(Some),
            Err(error) if status::of(&error) == Some(status::NOT_FOUND) => Ok(None),
            Err(error) => Err(error).context("cannot read the lock"),
        }
    }

    /// Makes the config; false if somebody else was first.
    pub(super) async fn create(&self, holder: &Holder) -> anyhow::Result<bool> {
        let spec = ConfigSpec {
            data: Some(BASE64_STANDARD.encode(CONTENT)),
            ..self.spec(Some(holder))
        };
        match self.engine.docker.create_config(spec).await {
            Ok(_) => Ok(true),
            Err(error) if status::of(&error) == Some(status::CONFLICT) => Ok(false),
            Err(error) => Err(error).context("cannot take the lock"),
        }
    }

    /// Writes the holder over the version that was seen; false if that is not the newest any more.
    pub(super) async fn swap(&self, seen: &Seen, holder: Option<&Holder>) -> anyhow::Result<bool> {
        let options = UpdateConfigOptions {
            version: i64::try_from(seen.index)?,
        };
        match self
            .engine
            .docker
            .update_config(&seen.id, self.spec(holder), options)
            .await
        {
            Ok(()) => Ok(true),
            Err(error) if status::is_outdated(&error) => Ok(false),
            Err(error) => Err(error).context("cannot change the lock"),
        }
    }

    fn spec(&self, holder: Option<&Holder>) -> ConfigSpec {
        ConfigSpec {
            name: Some(self.name.clone()),
            labels: Some(holder.map(Holder::labels).unwrap_or_default()),
            ..ConfigSpec::default()
        }
    }
}

impl Seen {
    pub(super) fn is_held_by(&self, holder: &Holder) -> bool {
        self.holder.as_ref().map(|holder| holder.id) == Some(holder.id)
    }
}

impl Holder {
    pub(super) fn new(number: Option<u64>, by: &str) -> Self {
        Self {
            id: Uuid::new_v4(),
            by: by.to_owned(),
            number,
            beat: 0,
        }
    }

    fn labels(&self) -> HashMap<String, String> {
        let number = self.number.map(|number| number.to_string());
        HashMap::from([
            (HOLDER.to_owned(), self.id.to_string()),
            (BY.to_owned(), self.by.clone()),
            (NUMBER.to_owned(), number.unwrap_or_default()),
            (BEAT.to_owned(), self.beat.to_string()),
        ])
    }

    fn from_labels(labels: &HashMap<String, String>) -> Option<Self> {
        let number = |key: &str| labels.get(key).and_then(|value| value.parse().ok());
        Some(Self {
            id: labels.get(HOLDER)?.parse().ok()?,
            by: labels.get(BY).cloned().unwrap_or_default(),
            number: number(NUMBER),
            beat: number(BEAT).unwrap_or_default(),
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} holds it", self.by)?;
        match self.number {
            Some(number) => write!(formatter, " for release {number}"),
            None => Ok(()),
        }
    }
}

fn seen(config: Config) -> anyhow::Result<Seen> {
    let index = config.version.and_then(|version| version.index);
    let labels = config.spec.and_then(|spec| spec.labels);
    Ok(Seen {
        id: config.id.context("the lock has no id")?,
        index: index.context("the lock has no version")?,
        holder: labels.and_then(|labels| Holder::from_labels(&labels)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_who_holds_it() {
        let holder = Holder {
            id: Uuid::from_u128(7),
            by: "alice".into(),
            number: Some(13),
            beat: 2,
        };
        assert_eq!(Holder::from_labels(&holder.labels()), Some(holder.clone()));
        assert_eq!(holder.to_string(), "alice holds it for release 13");
    }

    #[test]
    fn without_labels_nobody_holds_it() {
        assert_eq!(Holder::from_labels(&HashMap::new()), None);
    }
}
