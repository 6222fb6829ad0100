//! Who signs the certificates that a trial's edge shows.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority of a trial's own, which nobody trusts who is not told to.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A certificate and its key.
pub struct Pair {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
    /// The certificate as a connection gets it, DER.
    pub shown: Vec<u8>,
}

impl Authority {
    pub(crate) fn make() -> Result<Self> {
        let mut params = CertificateParams::default();
        // Not the name that certificates have by default: one that is its own issuer's is taken for self-signed.
        params
            .distinguished_name
            .push(DnType::CommonName, "Authority of a trial");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok(Self {
            issuer,
            certificate,
        })
    }

    /// Its own certificate, PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A new certificate for these names and addresses.
    pub(crate) fn sign(&self, names: Vec<String>) -> Result<Pair> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.issuer)?;
        Ok(Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            shown: certificate.der().to_vec(),
        })
    }
}
