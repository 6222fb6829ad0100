//! The logins to registries: those of the Docker CLI, which hands them to the nodes as well.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `docker login` has left in its `config.json`.
#[derive(Default, Deserialize)]
pub(crate) struct Logins {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
    /// A program that keeps the logins instead.
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize)]
struct Login {
    /// `user:password` in base64.
    #[serde(default)]
    auth: Option<String>,
}

impl Logins {
    /// Reads the file of this machine's user; no file is no login.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let folder = match std::env::var_os("DOCKER_CONFIG") {
            Some(folder) => PathBuf::from(folder),
            None => match std::env::var_os("HOME") {
                Some(home) => PathBuf::from(home).join(".docker"),
                None => return Ok(Self::default()),
            },
        };
        let path = folder.join("config.json");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }

    /// The login to the registry of `image`.
    pub(crate) fn of(&self, image: &str) -> anyhow::Result<Option<DockerCredentials>> {
        let registry = image.split('/').next().unwrap_or_default();
        let Some(login) = self.auths.get(registry) else {
            return Ok(None);
        };
        let Some(auth) = &login.auth else {
            match &self.store {
                Some(store) => bail!(
                    "the login to {registry} is kept by `{store}`; log in with a plain config.json (DOCKER_CONFIG)"
                ),
                None => return Ok(None),
            }
        };
        let decoded = base64::engine::general_purpose::STANDARD.decode(auth)?;
        let decoded = String::from_utf8(decoded).context("the login is not UTF-8")?;
        let (user, password) = decoded
            .split_once(':')
            .with_context(|| format!("the login to {registry} has no password"))?;
        Ok(Some(DockerCredentials {
            username: Some(user.to_owned()),
            password: Some(password.to_owned()),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_gets_the_login_of_its_own_registry() {
        let logins: Logins =
            serde_json::from_str(r#"{"auths": {"r.test:5000": {"auth": "dXNlcjpwYTpzcw=="}}}"#)
                .unwrap();
        let login = logins.of("r.test:5000/stoa/api:1").unwrap().unwrap();
        assert_eq!(login.username.as_deref(), Some("user"));
        assert_eq!(login.password.as_deref(), Some("pa:ss"));
        assert!(logins.of("other.test/stoa/api:1").unwrap().is_none());
    }
}
