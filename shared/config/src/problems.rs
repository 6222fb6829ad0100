//! Everything that is wrong with a configuration.

/// Every problem that reading the configuration met, each naming its key.
#[derive(Debug, thiserror::Error)]
pub struct Problems(pub(crate) Vec<String>);

impl Problems {
    /// The problems, one line each.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        for line in &self.0 {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
