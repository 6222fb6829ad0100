//! Where another service answers.

use stoa_config::Env;

/// Reads the URL of other services, by convention `<NAME>_URL`.
#[derive(Debug, Clone, Copy)]
pub struct ServiceUrl;

impl ServiceUrl {
    /// The URL under `key` (such as `ML_URL`); `http://<name>:8080` by default.
    pub fn read(env: &mut Env, key: &'static str, name: &str) -> Option<String> {
        let help = "base URL of the service of that name";
        let url = env
            .text(key, help)
            .default(format!("http://{name}:8080"))
            .read()?;
        Some(url.trim_end_matches('/').to_owned())
    }
}
