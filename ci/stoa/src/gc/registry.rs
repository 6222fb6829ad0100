//! The registry, as far as removing images needs it: API version 2, with a password or with tokens as GitLab gives.

use anyhow::{Context as _, bail, ensure};
use bollard::auth::DockerCredentials;
use reqwest::header::{ACCEPT, LINK, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::Logins;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Everything that a tag may point to.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
const DIGEST: &str = "docker-content-digest";

/// A registry and the login for it.
pub(super) struct Registry {
    http: Client,
    host: String,
    login: Option<DockerCredentials>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Registry {
    /// The registry at `host`, with the login that the Docker CLI has for it. `address` is where it answers, if its
    /// name does not say so here.
    pub(super) fn new(host: &str, address: Option<SocketAddr>) -> anyhow::Result<Self> {
        let mut http = Client::builder().timeout(TIMEOUT);
        if let Some(file) = std::env::var_os("DOCKER_CERT").map(PathBuf::from) {
            let pem =
                std::fs::read(&file).with_context(|| format!("DOCKER_CERT: {}", file.display()))?;
            http = http.tls_certs_merge(Certificate::from_pem_bundle(&pem)?);
        }
        if let Some(address) = address {
            let name = host.split(':').next().unwrap_or(host);
            http = http.resolve(name, address);
        }
        Ok(Self {
            http: http.build()?,
            host: host.to_owned(),
            login: Logins::load()?.of(host)?,
        })
    }

    /// The tags of a repository; none if it does not exist.
    pub(super) async fn tags(&self, repository: &str) -> anyhow::Result<Vec<String>> {
        let mut tags = Vec::new();
        let mut next = Some(format!("/v2/{repository}/tags/list?n=1000"));
        while let Some(path) = next.take() {
            let response = self.ask(Method::GET, repository, &path).await?;
            if response.status() == StatusCode::NOT_FOUND {
                break;
            }
            let response = accepted(response, &path)?;
            next = next_page(
                response
                    .headers()
                    .get(LINK)
                    .and_then(|link| link.to_str().ok()),
            );
            let page: Tags = response.json().await?;
            tags.extend(page.tags.unwrap_or_default());
        }
        Ok(tags)
    }

    /// The digest that a tag points to.
    pub(super) async fn digest(
        &self,
        repository: &str,
        reference: &str,
    ) -> anyhow::Result<Option<String>> {
        let path = manifest(repository, reference);
        let response = self.ask(Method::HEAD, repository, &path).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = accepted(response, &path)?;
        let digest = response
            .headers()
            .get(DIGEST)
            .and_then(|digest| digest.to_str().ok());
        Ok(Some(
            digest
                .with_context(|| format!("{path}: no digest"))?
                .to_owned(),
        ))
    }

    /// The manifests that a manifest consists of: those of its platforms, if it is for several.
    pub(super) async fn parts(
        &self,
        repository: &str,
        digest: &str,
    ) -> anyhow::Result<Vec<String>> {
        let path = manifest(repository, digest);
        let response = self.ask(Method::GET, repository, &path).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let body: Value = accepted(response, &path)?.json().await?;
        let parts = body["manifests"].as_array().into_iter().flatten();
        Ok(parts
            .filter_map(|part| part["digest"].as_str())
            .map(str::to_owned)
            .collect())
    }

    /// Removes a manifest; one that is gone already is as good.
    pub(super) async fn delete(&self, repository: &str, digest: &str) -> anyhow::Result<()> {
        let path = manifest(repository, digest);
        let response = self.ask(Method::DELETE, repository, &path).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(()),
            StatusCode::METHOD_NOT_ALLOWED => {
                bail!("the registry {} does not allow deletion", self.host)
            }
            _ => accepted(response, &path).map(drop),
        }
    }

    async fn ask(&self, method: Method, repository: &str, path: &str) -> anyhow::Result<Response> {
        let url = format!("https://{}{path}", self.host);
        let request = || {
            self.http
                .request(method.clone(), &url)
                .header(ACCEPT, MANIFESTS)
        };
        let response = send(self.with_login(request())).await?;
        let challenge = response
            .headers()
            .get(WWW_AUTHENTICATE)
            .and_then(|value| value.to_str().ok());
        match challenge.filter(|challenge| challenge.starts_with("Bearer ")) {
            Some(challenge) if response.status() == StatusCode::UNAUTHORIZED => {
                let token = self.token(challenge, repository).await?;
                send(request().bearer_auth(token)).await
            }
            _ => Ok(response),
        }
    }

    async fn token(&self, challenge: &str, repository: &str) -> anyhow::Result<String> {
        let realm =
            field(challenge, "realm").context("the registry asks for a token from nowhere")?;
        ensure!(
            realm.starts_with("https://"),
            "the registry asks for a token from {realm}"
        );
        let scope = format!("repository:{repository}:pull,delete");
        let service = field(challenge, "service").unwrap_or_default();
        let request = self
            .http
            .get(realm)
            .query(&[("scope", scope.as_str()), ("service", service)]);
        let answer: Value = accepted(send(self.with_login(request)).await?, realm)?
            .json()
            .await?;
        let token = answer["token"]
            .as_str()
            .or_else(|| answer["access_token"].as_str());
        token
            .map(str::to_owned)
            .with_context(|| format!("{realm} gave no token"))
    }

    fn with_login(&self, request: RequestBuilder) -> RequestBuilder {
        let Some(login) = &self.login else {
            return request;
        };
        let user = login.username.as_deref().unwrap_or_default();
        request.basic_auth(user, login.password.as_deref())
    }
}

fn manifest(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

async fn send(request: RequestBuilder) -> anyhow::Result<Response> {
    request.send().await.context("the registry does not answer")
}

fn accepted(response: Response, path: &str) -> anyhow::Result<Response> {
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            bail!("the registry refuses {path}: `docker login` with a user that may delete")
        }
        status if status.is_success() => Ok(response),
        status => bail!("the registry answers {path} with {status}"),
    }
}

/// `</v2/..>; rel="next"`; only a path, so that no registry sends the password elsewhere.
fn next_page(link: Option<&str>) -> Option<String> {
    let (path, relation) = link?.trim_start().strip_prefix('<')?.split_once('>')?;
    let is_next = relation.contains("next") && path.starts_with("/v2/");
    is_next.then(|| path.to_owned())
}

/// `Bearer realm="https://..",service="..",scope=".."`.
fn field<'a>(challenge: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = challenge.split_once(&format!("{key}=\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_tokens_are() {
        let challenge = "Bearer realm=\"https://git.test/jwt/auth\",service=\"registry\",scope=\"a:b:pull,delete\"";
        assert_eq!(field(challenge, "realm"), Some("https://git.test/jwt/auth"));
        assert_eq!(field(challenge, "service"), Some("registry"));
        assert_eq!(field(challenge, "other"), None);
    }

    #[test]
    fn the_next_page_is_on_the_same_registry() {
        let link = |link| next_page(Some(link));
        assert_eq!(
            link("</v2/a/tags/list?last=b&n=2>; rel=\"next\"").as_deref(),
            Some("/v2/a/tags/list?last=b&n=2")
        );
        assert_eq!(link("<https://evil.test/v2/>; rel=\"next\""), None);
        assert_eq!(next_page(None), None);
    }
}
