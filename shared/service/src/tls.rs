//! One TLS implementation for the whole process.

/// Makes ring the provider of every rustls user, before the first of them asks.
pub(crate) fn install_provider() {
    // Fails only if one is installed already: then there is nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
