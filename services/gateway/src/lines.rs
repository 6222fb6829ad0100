//! The lines of a head, as HTTP/1.1 writes them (RFC 9112).

/// Writes one header.
pub(crate) fn put(lines: &mut Vec<u8>, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
    let (name, value) = (name.as_ref().as_bytes(), value.as_ref());
    lines.reserve(name.len() + value.len() + 4);
    for part in [name, b": ", value, b"\r\n"] {
        lines.extend_from_slice(part);
    }
}
