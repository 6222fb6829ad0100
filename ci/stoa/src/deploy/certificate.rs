//! The certificate of the edge is looked at before anything is touched: with a wrong one nginx does not start, and a task
//! of the edge gives way before the next one starts.

use anyhow::{Context as _, ensure};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use crate::render::{CERTIFICATE, File, KEY};

/// Refuses a pair that does not fit, or a certificate that is not good now. A release without one has nothing to refuse.
pub(super) fn check(files: &[File], now: OffsetDateTime) -> anyhow::Result<()> {
    let content = |source: &str| {
        let file = files.iter().find(|file| file.source == source)?;
        Some(file.content.as_slice())
    };
    let (Some(certificate), Some(key)) = (content(CERTIFICATE), content(KEY)) else {
        return Ok(());
    };
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{CERTIFICATE} is no chain of certificates (PEM)"))?;
    let own = chain.first();
    let own = own.with_context(|| format!("there is no certificate in {CERTIFICATE} (PEM)"))?;
    let (from, until) = validity(own).with_context(|| format!("{CERTIFICATE} is malformed"))?;
    ensure!(until > now, "{CERTIFICATE} expired at {until}");
    ensure!(from <= now, "{CERTIFICATE} is not good before {from}");
    let key = PrivateKeyDer::from_pem_slice(key)
        .with_context(|| format!("there is no private key without a passphrase in {KEY} (PEM)"))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).with_context(|| {
        format!("{KEY} does not fit the first certificate of {CERTIFICATE}, or is of a kind that TLS does not use")
    })?;
    Ok(())
}

/// From when and until when a certificate is good.
fn validity(certificate: &CertificateDer<'_>) -> anyhow::Result<(OffsetDateTime, OffsetDateTime)> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate)?;
    let validity = read.validity();
    let at = OffsetDateTime::from_unix_timestamp;
    Ok((
        at(validity.not_before.timestamp())?,
        at(validity.not_after.timestamp())?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::FileKind;
    use rcgen::generate_simple_self_signed;
    use time::macros::datetime;

    /// What a deploy of these two contents says at a time.
    fn said(certificate: &str, key: &str, now: OffsetDateTime) -> String {
        let file = |source: &str, content: &str| File {
            kind: FileKind::Secret,
            source: source.into(),
            name: format!("{source}-hash"),
            content: content.into(),
        };
        let files = [file(CERTIFICATE, certificate), file(KEY, key)];
        let checked = check(&files, now);
        checked.map_or_else(|refused| format!("{refused:#}"), |()| "taken".into())
    }

    #[test]
    fn only_a_pair_that_fits_and_is_good_now_is_taken() {
        let pair = || {
            let pair = generate_simple_self_signed(["stoa.test".to_owned()]).unwrap();
            (pair.cert.pem(), pair.signing_key.serialize_pem())
        };
        let ((certificate, key), (other, other_key)) = (pair(), pair());
        let now = datetime!(2026-11-29 12:00 UTC);
        assert_eq!(said(&certificate, &key, now), "taken");
        let chain = format!("{certificate}{other}");
        assert_eq!(said(&chain, &key, now), "taken");
        for (certificate, key, at, why) in [
            (&*certificate, &*other_key, now, "edge_key does not fit"),
            (&format!("{other}{certificate}"), &key, now, "does not fit"),
            (&certificate, "", now, "no private key"),
            (&certificate, &certificate, now, "no private key"),
            ("", &key, now, "no certificate in edge_certificate"),
            (&certificate[..200], &key, now, "no chain of certificates"),
            (
                &certificate,
                &key,
                datetime!(4200-01-01 0:00 UTC),
                "edge_certificate expired at 4096",
            ),
            (
                &certificate,
                &key,
                datetime!(1970-01-01 0:00 UTC),
                "not good before 1975",
            ),
        ] {
            let said = said(certificate, key, at);
            assert!(said.contains(why), "{why}: {said}");
        }
    }

    #[test]
    fn a_release_without_https_has_none() {
        check(&[], OffsetDateTime::UNIX_EPOCH).unwrap();
    }
}
