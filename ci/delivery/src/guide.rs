//! The blocks of a guide, in their order.

use anyhow::{Context as _, Result, bail, ensure};
use std::collections::VecDeque;

use crate::repository;

/// What a guide says to run, and has not been run yet.
pub struct Guide {
    blocks: VecDeque<String>,
}

impl Guide {
    /// Reads `docs/guides/<name>.md`. A block is shell, which is to be run, or shows an output (text) or a file (yaml).
    pub fn read(name: &str) -> Result<Self> {
        let path = repository().join("docs/guides").join(format!("{name}.md"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut blocks = VecDeque::new();
        for (number, part) in text.split("\n```").enumerate() {
            if number % 2 == 0 {
                continue;
            }
            match part.split_once('\n') {
                Some(("sh", block)) => blocks.push_back(format!("{block}\n")),
                Some(("text" | "yaml", _)) => {}
                _ => bail!("{name}: neither sh, text nor yaml:\n{part}"),
            }
        }
        ensure!(!blocks.is_empty(), "{name} says to run nothing");
        Ok(Self { blocks })
    }

    /// Takes the next block, which has to say `what`.
    pub fn take(&mut self, what: &str) -> Result<String> {
        let block = self.blocks.pop_front().context("no block is left")?;
        ensure!(
            block.contains(what),
            "no `{what}` in the next block:\n{block}"
        );
        Ok(block)
    }

    /// Whether a block that is left says `what`.
    pub fn says(&self, what: &str) -> bool {
        self.blocks.iter().any(|block| block.contains(what))
    }

    /// Fails unless every block was taken.
    pub fn end(&self) -> Result<()> {
        ensure!(self.blocks.is_empty(), "never run: {:?}", self.blocks);
        Ok(())
    }
}
