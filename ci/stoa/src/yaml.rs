//! YAML files of the repository, read with their place in every error.

use anyhow::{Context as _, anyhow};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads the YAML file at `path`; the error names file, line and column.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_saphyr::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}
