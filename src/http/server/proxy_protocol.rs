//! The PROXY protocol, versions 1 and 2: a proxy tells whom it speaks for.
//!
//! The header is the first thing on a connection, before TLS. Nothing beyond it is read here.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::{io::AsyncReadExt as _, net::TcpStream};

/// The longest line of version 1, with its CRLF.
const LINE_MAX: usize = 107;
/// Begins a header of version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What follows the first 16 bytes of version 2 at most: addresses, and fields that nobody reads.
const REST_MAX: usize = 2048;

/// Whom a proxy speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Itself: a health check.
    Proxy,
    /// The client at this address.
    Client(SocketAddr),
    /// A client whose address is of no kind that is known.
    Unknown,
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads the header that a connection begins with. Has no deadline of its own.
///
/// # Errors
/// Where there is none, and where it is not as it must be.
pub(super) async fn read(stream: &mut TcpStream) -> io::Result<Source> {
    let mut head = [0; 16];
    stream.read_exact(&mut head[..6]).await?;
    if head.starts_with(b"PROXY ") {
        return version_1(stream).await;
    }
    if head[..6] != SIGNATURE[..6] {
        return Err(bad("no PROXY header"));
    }
    stream.read_exact(&mut head[6..]).await?;
    if head[..12] != SIGNATURE {
        return Err(bad("no PROXY header"));
    }
    let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
    if length > REST_MAX {
        return Err(bad("the PROXY header is too long"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    parse_version_2(head[12], head[13], &rest)
}

/// Reads to the end of the line, and not a byte more.
async fn version_1(stream: &mut TcpStream) -> io::Result<Source> {
    let mut line = Vec::with_capacity(LINE_MAX);
    loop {
        let room = LINE_MAX - "PROXY ".len() - line.len();
        let mut seen = [0; LINE_MAX];
        let count = stream.peek(&mut seen[..room]).await?;
        let end = seen[..count].iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let take = end.unwrap_or(count);
        stream.read_exact(&mut seen[..take]).await?;
        line.extend_from_slice(&seen[..take]);
        if end.is_some() {
            return parse_version_1(&line);
        }
        if count == 0 || line.len() + "PROXY ".len() >= LINE_MAX {
            return Err(bad("the PROXY header has no end"));
        }
    }
}

/// Reads what follows `PROXY `.
fn parse_version_1(line: &[u8]) -> io::Result<Source> {
    let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
    let mut words = text.ok_or_else(|| bad("the PROXY header is no line"))?.split(' ');
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(Source::Unknown);
    }
    let mut address = || words.next()?.parse::<IpAddr>().ok();
    let addresses = (address(), address());
    let mut port = || {
        let word = words.next()?;
        let plain = word.bytes().all(|byte| byte.is_ascii_digit());
        word.parse::<u16>().ok().filter(|_| plain)
    };
    let ports = (port(), port());
    let (Some(source), Some(target)) = addresses else { return Err(bad("no addresses")) };
    let (Some(port), Some(_)) = ports else { return Err(bad("no ports")) };
    let fits = match family {
        Some("TCP4") => source.is_ipv4() && target.is_ipv4(),
        Some("TCP6") => source.is_ipv6() && target.is_ipv6(),
        _ => false,
    };
    if !fits || words.next().is_some() {
        return Err(bad("the PROXY header is not as it must be"));
    }
    Ok(Source::Client(SocketAddr::new(source, port)))
}

fn parse_version_2(command: u8, family: u8, rest: &[u8]) -> io::Result<Source> {
    match command {
        0x20 => return Ok(Source::Proxy),
        0x21 => {}
        _ => return Err(bad("the PROXY header has an unknown version or command")),
    }
    let port = |at: usize| rest.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let short = || bad("the PROXY header is too short");
    let source = match family {
        0x11 => {
            let octets: [u8; 4] =
                rest.get(..4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(short)?;
            let port = port(8).filter(|_| rest.len() >= 12).ok_or_else(short)?;
            SocketAddr::new(Ipv4Addr::from(octets).into(), port)
        }
        0x21 => {
            let octets: [u8; 16] =
                rest.get(..16).and_then(|bytes| bytes.try_into().ok()).ok_or_else(short)?;
            let port = port(32).filter(|_| rest.len() >= 36).ok_or_else(short)?;
            SocketAddr::new(Ipv6Addr::from(octets).into(), port)
        }
        _ => return Ok(Source::Unknown),
    };
    Ok(Source::Client(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_version_1_name_the_client() {
        for (line, address) in [
            ("TCP4 192.0.2.1 192.0.2.2 5000 80\r\n", "192.0.2.1:5000"),
            ("TCP6 2001:db8::1 2001:db8::2 5000 80\r\n", "[2001:db8::1]:5000"),
        ] {
            let source = parse_version_1(line.as_bytes()).unwrap();
            assert_eq!(source, Source::Client(address.parse().unwrap()));
        }
        assert_eq!(parse_version_1(b"UNKNOWN a b c\r\n").unwrap(), Source::Unknown);
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "TCP4 192.0.2.1 192.0.2.2 5000 80\n",
            "TCP4 192.0.2.1 192.0.2.2 5000\r\n",
            "TCP4 192.0.2.1 192.0.2.2 5000 80 1\r\n",
            "TCP4 2001:db8::1 2001:db8::2 5000 80\r\n",
            "TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
            "TCP4 192.0.2.1 192.0.2.2 +5 80\r\n",
            "UDP4 192.0.2.1 192.0.2.2 5000 80\r\n",
            "\r\n",
        ] {
            assert!(parse_version_1(line.as_bytes()).is_err(), "{line:?}");
        }
    }

    #[test]
    fn version_2_names_the_client_or_the_proxy_itself() {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 0, 80];
        let client = Source::Client("192.0.2.1:5000".parse().unwrap());
        assert_eq!(parse_version_2(0x21, 0x11, &v4).unwrap(), client);
        assert_eq!(parse_version_2(0x21, 0x11, &[&v4[..], &[4, 0, 0]].concat()).unwrap(), client);
        let mut v6 = [0; 36];
        (v6[15], v6[33]) = (1, 80);
        let client = Source::Client("[::1]:80".parse().unwrap());
        assert_eq!(parse_version_2(0x21, 0x21, &v6).unwrap(), client);
        assert_eq!(parse_version_2(0x20, 0, &[]).unwrap(), Source::Proxy);
        assert_eq!(parse_version_2(0x21, 0x31, &[]).unwrap(), Source::Unknown);
        assert!(parse_version_2(0x21, 0x11, &v4[..11]).is_err());
        assert!(parse_version_2(0x21, 0x21, &v6[..35]).is_err());
        assert!(parse_version_2(0x11, 0x11, &v4).is_err());
        assert!(parse_version_2(0x22, 0x11, &v4).is_err());
    }
}
