//! A key pair for the access tokens of tests. It is public here, so it is good for nothing else.

/// The private key, as `TOKEN_SIGNING_KEY` takes it (PEM, PKCS#8, Ed25519).
pub const SIGNING_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJOsWgaF2eq0LvbvFMZ0pQjQGG0N4ongUoMdofkMgcx8
-----END PRIVATE KEY-----
";

/// The public key, as `TOKEN_VERIFYING_KEY` takes it (PEM, SPKI, Ed25519).
pub const VERIFYING_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEASUsLh+yerHXR2L7E3iOzuxAVRa7xTV1YutvMi6vgADo=
-----END PUBLIC KEY-----
";
