//! The hops that a header names, read from the near end.
//!
//! **Invariant:** how far is read does not depend on what the far end says: an unclosed quote or a
//! list of thousands there changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The elements of a list, the last first. A comma in quotes separates nothing; quotes are counted from
/// the near end, where the trusted proxy wrote. Empty elements are none.
pub(super) fn from_the_near_end(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let split = move || {
        let text = rest?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted => {
                    rest = Some(&text[..at]);
                    return Some(&text[at + 1..]);
                }
                _ => {}
            }
        }
        rest = None;
        Some(text)
    };
    std::iter::from_fn(split).map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// An element of `X-Forwarded-For`: an address, with a port maybe. `None` for anything else.
pub(super) fn plain_node(element: &[u8]) -> Option<IpAddr> {
    address(element)
}

/// An element of `Forwarded` (RFC 7239, section 4): the address of its one `for`. `None` without one,
/// and for `unknown`, names that hide an address, and what is malformed.
pub(super) fn forwarded_node(element: &[u8]) -> Option<IpAddr> {
    let mut node = None;
    let mut rest = element;
    loop {
        let (pair, more) = first_pair(rest)?;
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None if pair.is_empty() => (pair, pair),
            None => return None,
        };
        if name.eq_ignore_ascii_case(b"for") {
            if node.is_some() {
                return None;
            }
            node = Some(unquoted(value)?);
        }
        match more {
            Some(more) => rest = more,
            None => return address(node?),
        }
    }
}

/// The part before the first `;` that is not in quotes, and what comes after that. `None` where a quote
/// is not closed.
fn first_pair(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut quoted = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => return Some((text[..at].trim_ascii(), Some(&text[at + 1..]))),
            _ => {}
        }
    }
    (!quoted).then(|| (text.trim_ascii(), None))
}

/// A token, or what is in quotes. No address needs an escape.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    let inside = match value.strip_prefix(b"\"") {
        Some(opened) => opened.strip_suffix(b"\"")?,
        None => value,
    };
    (!inside.iter().any(|byte| matches!(byte, b'"' | b'\\'))).then_some(inside)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`; a port may be a
/// name that hides it (`_gazonk`).
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(bracketed) = text.strip_prefix('[') {
        let (inside, port) = bracketed.split_once(']')?;
        let good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return good.then(|| inside.parse::<Ipv6Addr>().ok())?.map(canonical);
    }
    match text.split_once(':') {
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        Some((host, port)) if !port.contains(':') => {
            is_port(port).then(|| host.parse::<Ipv4Addr>().ok())?.map(IpAddr::V4)
        }
        Some(_) => text.parse::<Ipv6Addr>().ok().map(canonical),
    }
}

fn canonical(address: Ipv6Addr) -> IpAddr {
    IpAddr::V6(address).to_canonical()
}

fn is_port(port: &str) -> bool {
    let hidden = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match port.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(hidden),
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(line: &str) -> Vec<&str> {
        from_the_near_end(line.as_bytes()).map(|one| std::str::from_utf8(one).unwrap()).collect()
    }

    #[test]
    fn elements_come_last_first_and_quotes_hold_them_together() {
        assert_eq!(elements("a, b,,c "), ["c", "b", "a"]);
        assert_eq!(elements("for=\"a,b\";by=c, for=d"), ["for=d", "for=\"a,b\";by=c"]);
        assert_eq!(elements(" , "), [""; 0]);
    }

    #[test]
    fn an_unclosed_quote_at_the_far_end_hides_nothing_of_the_near_end() {
        assert_eq!(elements("for=\"evil, for=192.0.2.1")[0], "for=192.0.2.1");
        assert_eq!(elements("for=\"a\\\", for=\"[::1]\"")[0], "for=\"[::1]\"");
    }

    #[test]
    fn addresses_come_with_and_without_ports_and_brackets() {
        for (text, good) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:8080", "192.0.2.1"),
            ("192.0.2.1:_gazonk", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:65535", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(plain_node(text.as_bytes()), Some(good.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn whatever_else_is_no_address() {
        for text in [
            "unknown",
            "_hidden",
            "",
            "192.0.2",
            "192.0.2.1:",
            "192.0.2.1:port",
            "192.0.2.1:123456",
            "192.0.2.1 192.0.2.2",
            "192.0.2.01",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]80",
            "fe80::1%eth0",
            "\u{e9}",
            "localhost",
        ] {
            assert_eq!(plain_node(text.as_bytes()), None, "{text}");
        }
        assert_eq!(plain_node(b"\xff"), None);
    }

    #[test]
    fn forwarded_names_its_node_once_in_any_case() {
        for (text, good) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("proto=http; For=\"192.0.2.60:80\"", "192.0.2.60"),
            ("FOR=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("by=\"a;for=192.0.2.1\";for=192.0.2.2;", "192.0.2.2"),
        ] {
            assert_eq!(forwarded_node(text.as_bytes()), Some(good.parse().unwrap()), "{text}");
        }
        for text in [
            "for=unknown",
            "for=_SEVKISEK",
            "proto=http",
            "for=192.0.2.1;for=192.0.2.2",
            "for=\"192.0.2.1",
            "for=\"192.0.2.\\1\"",
            "for",
            "for=",
            "192.0.2.1",
        ] {
            assert_eq!(forwarded_node(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            for element in from_the_near_end(&line) {
                let _ = (plain_node(element), forwarded_node(element));
            }
        }
    }
}
