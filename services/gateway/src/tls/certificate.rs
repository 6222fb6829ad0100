//! A certificate and its key: read, and checked before anybody is shown them.

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;

/// Why a certificate is not used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{what}: {source}")]
    Pem {
        /// Which of the two.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The first certificate says nothing that can be read.
    #[error("the certificate is malformed")]
    Malformed,
    /// Its time is over.
    #[error("the certificate expired at {0}")]
    Expired(OffsetDateTime),
    /// The two do not belong together, or the key is of a kind that TLS does not use.
    #[error("the key does not fit the certificate: {0}")]
    Unfit(#[from] rustls::Error),
}

/// Where the two lie.
#[derive(Clone, Debug)]
pub(super) struct Files {
    certificate: Arc<Path>,
    key: Arc<Path>,
}

/// What the two files hold.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate that fits its key and is still good.
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) expires: OffsetDateTime,
}

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
        }
    }

    /// Reads both; a few kilobytes.
    pub(super) fn look(&self) -> Result<Contents, CertificateError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| CertificateError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }
}

impl Certificate {
    pub(super) fn read(contents: &Contents, now: OffsetDateTime) -> Result<Self, CertificateError> {
        let of = |what| move |source| CertificateError::Pem { what, source };
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&contents.certificate)
                .collect::<Result<_, _>>()
                .map_err(of("the certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(of("the key"))?;
        let own = chain.first().ok_or(CertificateError::Malformed)?;
        let expires = expiry(own)?;
        if expires <= now {
            return Err(CertificateError::Expired(expires));
        }
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider())?;
        Ok(Self {
            key: Arc::new(key),
            expires,
        })
    }
}

fn expiry(certificate: &CertificateDer<'_>) -> Result<OffsetDateTime, CertificateError> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| CertificateError::Malformed)?;
    let expires = read.validity().not_after.timestamp();
    OffsetDateTime::from_unix_timestamp(expires).map_err(|_| CertificateError::Malformed)
}
