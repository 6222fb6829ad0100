//! Key pairs for the access tokens of tests. They are public here, so they are good for nothing else.

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

/// Another private key, for the day on which keys change.
pub const NEXT_SIGNING_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIYU+R8vJts0350ALYhGaSg3uS6foE25r2PVemyKtxTq
-----END PRIVATE KEY-----
";

/// The public key of that one.
pub const NEXT_VERIFYING_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAr0R7NPcd6npFfKUrjSmIwVySQ+l/pl05Xwoeg14R8ys=
-----END PUBLIC KEY-----
";
