//! How parameters are written as the text of a query.

use std::fmt::Write as _;

/// What stays as it is in a query: the unreserved characters (RFC 3986, section 2.3), and two
/// separators that lists use.
const PLAIN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',');

/// Appends a parameter.
pub(in crate::domain) fn pair(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('&');
    }
    let value = percent_encoding::utf8_percent_encode(value, PLAIN);
    let _ = write!(text, "{name}={value}"); // writing to a String cannot fail
}

/// Appends a parameter that may be absent.
pub(in crate::domain) fn option<T: ToString>(text: &mut String, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        pair(text, name, &value.to_string());
    }
}

/// Reads a query's text as a server does.
#[cfg(test)]
pub(in crate::domain) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode =
        |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}
