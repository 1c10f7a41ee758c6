//! The two things that are read out of certificates: when they end, and whose they are.
//!
//! The library that checks certificates tells neither. What is read here decides nothing: it was
//! checked before.

use std::fmt::Write as _;

/// A value and its tag (X.690, DER).
type Element<'a> = (u8, &'a [u8]);

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Strings whose bytes are UTF-8: `UTF8String`, `PrintableString`, `IA5String`.
const STRINGS: [u8; 3] = [0x0c, 0x13, 0x16];

/// Attributes of names under 2.5.4, and how they are written (RFC 4514).
const ATTRIBUTES: [(u8, &str); 7] =
    [(3, "CN"), (5, "SERIALNUMBER"), (6, "C"), (7, "L"), (8, "ST"), (10, "O"), (11, "OU")];

/// The first element, and what follows it.
fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            (length.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some(((tag, value), rest))
}

fn elements(mut bytes: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (found, rest) = element(bytes)?;
        bytes = rest;
        Some(found)
    })
}

/// The validity and the subject of a certificate.
fn parts(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let ((SEQUENCE, certificate), _) = element(certificate)? else { return None };
    let ((SEQUENCE, signed), _) = element(certificate)? else { return None };
    // serial number, algorithm, issuer, validity, subject; a version may come first
    let mut fields = elements(signed).skip_while(|(tag, _)| *tag == VERSION).skip(3);
    Some((fields.next()?.1, fields.next()?.1))
}

/// When a certificate ends, in seconds since 1970.
pub(super) fn not_after(certificate: &[u8]) -> Option<i64> {
    let (tag, text) = elements(parts(certificate)?.0).nth(1)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // RFC 5280, section 4.1.2.5.1
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

/// Whose certificate it is, like `CN=loader,O=Films`: the attributes that are known, last first as in
/// RFC 4514.
pub(in super::super) fn subject(certificate: &[u8]) -> Option<String> {
    let names: Vec<(&str, &str)> = elements(parts(certificate)?.1)
        .filter(|(tag, _)| *tag == SET)
        .filter_map(|(_, set)| {
            let ((SEQUENCE, pair), _) = element(set)? else { return None };
            let mut pair = elements(pair);
            let ((_, kind), (tag, value)) = (pair.next()?, pair.next()?);
            let [0x55, 0x04, number] = kind else { return None };
            let (_, name) = ATTRIBUTES.iter().find(|(known, _)| known == number)?;
            STRINGS.contains(&tag).then_some((*name, std::str::from_utf8(value).ok()?))
        })
        .collect();
    let mut text = String::new();
    for (name, value) in names.into_iter().rev() {
        if !text.is_empty() {
            text.push(',');
        }
        let _ = write!(text, "{name}="); // writing to a string cannot fail
        for character in value.chars() {
            if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
                text.push('\\');
            }
            text.push(if character.is_control() { '?' } else { character });
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn ends_are_read_from_both_kinds_of_time() {
        for (year, seconds) in [(2031, 1_924_992_000), (2061, 2_871_763_200)] {
            let der = certificate(|params| params.not_after = date_time_ymd(year, 1, 1));
            assert_eq!(not_after(&der), Some(seconds));
        }
    }

    #[test]
    fn a_subject_is_written_with_its_attributes() {
        let der = certificate(|params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::OrganizationName, "Films, Inc");
            params.distinguished_name.push(DnType::CommonName, "loader");
        });
        assert_eq!(subject(&der).unwrap(), "CN=loader,O=Films\\, Inc");
    }

    #[test]
    fn what_is_no_certificate_has_neither() {
        let der = certificate(|_| ());
        for end in 0..200 {
            assert_eq!((not_after(&der[..end]), subject(&der[..end])), (None, None));
        }
    }
}
