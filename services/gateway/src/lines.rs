//! The lines of a head, as HTTP/1.1 writes them (RFC 9112), and what stands in them.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

/// Writes one header. Of which kind its parts are is known, and costs nothing, where they are put.
#[inline]
pub(crate) fn put(lines: &mut Vec<u8>, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
    put_line(lines, name.as_ref().as_bytes(), value.as_ref());
}

fn put_line(lines: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    lines.reserve(name.len() + value.len() + 4);
    for part in [name, b": ", value, b"\r\n"] {
        lines.extend_from_slice(part);
    }
}

/// Writes an address. Almost every one is of version 4, and the formatter takes as long for one of those as the route table
/// for a path.
pub(crate) fn put_ip(text: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        // A vector takes all of it.
        let _ = write!(text, "{address}");
        return;
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            text.push(b'.');
        }
        text.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
    }
}

/// Writes an address with its port.
pub(crate) fn put_address(text: &mut Vec<u8>, address: SocketAddr) {
    if address.is_ipv6() {
        let _ = write!(text, "{address}");
        return;
    }
    put_ip(text, address.ip());
    text.push(b':');
    text.extend_from_slice(itoa::Buffer::new().format(address.port()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_format_themselves() {
        for address in [
            "0.0.0.0:0",
            "192.0.2.107:8080",
            "255.255.255.255:65535",
            "[2001:db8::1]:80",
            "[::ffff:192.0.2.7]:80",
        ] {
            let address: SocketAddr = address.parse().expect("an address");
            let (mut ip, mut all) = (Vec::new(), Vec::new());
            put_ip(&mut ip, address.ip());
            put_address(&mut all, address);
            assert_eq!(ip, address.ip().to_string().as_bytes());
            assert_eq!(all, address.to_string().as_bytes());
        }
    }
}
