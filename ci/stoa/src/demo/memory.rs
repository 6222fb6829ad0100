//! What the demo leaves behind: an env file for scripts, read again by the next run.

use anyhow::Context as _;
use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The content of `.stoa/demo.env`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// `STOA_URL`.
    pub(super) url: String,
    /// `STOA_EMAIL`.
    pub(super) email: String,
    /// `STOA_PASSWORD`.
    pub(super) password: String,
    /// `STOA_ASSISTANT`: the id of the demo assistant.
    pub(super) assistant: String,
    /// `STOA_API_KEY`: good for that assistant only.
    pub(super) api_key: String,
    /// `STOA_DEMO`: which demo was imported.
    pub(super) digest: String,
}

impl Memory {
    /// Reads the file; nothing is remembered if there is none.
    pub(super) fn load(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut memory = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim_matches('\'').replace(r"'\''", "'");
            if let Some((_, field)) = memory.fields().into_iter().find(|(name, _)| *name == key) {
                *field = value;
            }
        }
        memory
    }

    /// Writes the file, readable by its owner only.
    pub(super) fn save(&mut self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut text = String::new();
        for (name, value) in self.fields() {
            writeln!(text, "{name}='{}'", value.replace('\'', r"'\''"))?;
        }
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path);
        std::io::Write::write_all(&mut file?, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn fields(&mut self) -> [(&'static str, &mut String); 6] {
        [
            ("STOA_URL", &mut self.url),
            ("STOA_EMAIL", &mut self.email),
            ("STOA_PASSWORD", &mut self.password),
            ("STOA_ASSISTANT", &mut self.assistant),
            ("STOA_API_KEY", &mut self.api_key),
            ("STOA_DEMO", &mut self.digest),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/demo.env");
        let mut memory = Memory {
            url: "http://127.0.0.1:8080".into(),
            password: "it's = a secret".into(),
            ..Memory::default()
        };
        memory.save(&path).unwrap();
        assert_eq!(Memory::load(&path), memory);
    }

    #[test]
    fn without_a_file_nothing_is_remembered() {
        assert_eq!(
            Memory::load(Path::new("/nowhere/demo.env")),
            Memory::default()
        );
    }
}
