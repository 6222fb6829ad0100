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
            .http_url(key, help)
            .default(format!("http://{name}:8080"))
            .read()?;
        Some(url.trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_config::Settings;

    struct Place;

    impl Settings for Place {
        fn read(env: &mut Env) -> Option<Self> {
            ServiceUrl::read(env, "ML_URL", "ml").map(|_| Self)
        }
    }

    #[test]
    fn what_is_no_url_of_a_service_is_refused_by_name() {
        let told = |url: &str| {
            let read = Env::from_pairs([("ML_URL", url)]).load::<Place>();
            read.err()
                .map_or_else(String::new, |told| told.lines()[0].clone())
        };
        for url in [
            "ml",
            "ml:8080",
            "//ml:8080",
            "http://ml:port",
            "http://",
            "tcp://ml",
        ] {
            assert!(told(url).starts_with("ML_URL is not valid"), "{url}");
        }
        for url in ["http://ml:8080/", "https://ml.example.org/below"] {
            assert_eq!(told(url), "");
        }
    }
}
