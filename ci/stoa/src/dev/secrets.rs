//! The secrets of a development platform: made once, kept in files of their owner.

use super::layout::Layout;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// 62 letters and digits to the 32nd: more than the 128 bits that are asked for.
const LENGTH: usize = 32;
/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Makes the secrets that do not exist yet and writes the URLs of this run's ports.
pub(super) fn prepare(layout: &Layout) -> anyhow::Result<()> {
    std::fs::create_dir_all(layout.state.join("secrets"))?;
    for name in ["internal_token", "demo_password", "redis_password"] {
        keep(&layout.secret(name), &random())?;
    }
    if !layout.secret("token_signing_key").exists() {
        write_keys(layout)?;
    }
    let redis_password = read(&layout.secret("redis_password"))?;
    let redis_url = format!("redis://:{redis_password}@127.0.0.1:{}", layout.redis_port);
    write(&layout.secret("redis_url"), &redis_url)?;
    for service in layout
        .services
        .iter()
        .filter(|service| service.owns_database)
    {
        let name = &service.name;
        let password = layout.secret(&format!("{name}_database_password"));
        keep(&password, &random())?;
        let password = read(&password)?;
        let port = layout.postgres_port;
        let url = format!("postgres://{name}:{password}@127.0.0.1:{port}/{name}");
        write(&layout.secret(&format!("{name}_database_url")), &url)?;
    }
    Ok(())
}

/// Reads a secret.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path);
    text.with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a secret unless there is one.
pub(super) fn keep(path: &Path, value: &str) -> anyhow::Result<()> {
    if path.exists() {
        Ok(())
    } else {
        write(path, value)
    }
}

fn write(path: &Path, value: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(value.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A new secret of letters and digits.
pub(super) fn random() -> String {
    let mut rng = rand::rng();
    (0..LENGTH)
        .map(|_| char::from(rng.sample(rand::distr::Alphanumeric)))
        .collect()
}

fn write_keys(layout: &Layout) -> anyhow::Result<()> {
    let (signing, verifying) = key_pair()?;
    write(&layout.secret("token_verifying_key"), &verifying)?;
    write(&layout.secret("token_signing_key"), &signing)
}

/// An Ed25519 key pair: PKCS#8 and `SubjectPublicKeyInfo`, both in PEM.
fn key_pair() -> anyhow::Result<(String, String)> {
    let random = ring::rand::SystemRandom::new();
    let unspecified = |_| anyhow::anyhow!("the system gives no randomness");
    let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(unspecified)?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
        .map_err(|error| anyhow::anyhow!("the new key is rejected: {error}"))?;
    let public = [&SPKI_PREFIX, pair.public_key().as_ref()].concat();
    Ok((
        pem("PRIVATE KEY", document.as_ref()),
        pem("PUBLIC KEY", &public),
    ))
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines = body.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let body = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::options::Settings;

    #[test]
    fn the_keys_are_the_pair_that_the_platform_signs_and_verifies_with() {
        let (signing, verifying) = key_pair().unwrap();
        let signing = jsonwebtoken::EncodingKey::from_ed_pem(signing.as_bytes()).unwrap();
        let verifying = jsonwebtoken::DecodingKey::from_ed_pem(verifying.as_bytes()).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        let claims = serde_json::json!({ "exp": 4_000_000_000_u64 });
        let token = jsonwebtoken::encode(&header, &claims, &signing).unwrap();
        let rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
        jsonwebtoken::decode::<serde_json::Value>(&token, &verifying, &rules).unwrap();
    }

    #[test]
    fn a_second_run_keeps_the_secrets() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("services")).unwrap();
        let settings = Settings {
            port: 0,
            own_queue: false,
        };
        let state = folder.path().join("state");
        let layout = Layout::discover(folder.path(), &state, settings).unwrap();
        prepare(&layout).unwrap();
        let first = read(&layout.secret("internal_token")).unwrap();
        prepare(&layout).unwrap();
        assert_eq!(read(&layout.secret("internal_token")).unwrap(), first);
        assert_eq!(first.len(), LENGTH);
    }
}
