//! Entity tags and the conditions that requests make with them (RFC 9110, section 13).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use sha2::{Digest, Sha256};

use super::{
    class::Policies,
    encoding::Coding,
    error::Problem,
    finished::{Coded, Finished},
    response::Body,
};

/// Bytes of a digest that a tag keeps: 128 bits, so that no two bodies share one by accident.
const TAG_BYTES: usize = 16;

/// Suffixes of the tags of encoded bodies: another body, so another strong tag, of the same movie.
const ENCODINGS: [&str; 3] = ["-gzip", "-br", "-zstd"];

/// A strong entity tag: the same for the same bytes, on every replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ETag(HeaderValue);

impl ETag {
    /// The tag of a body.
    #[must_use]
    pub(super) fn of(body: &[u8]) -> Self {
        let digest = Sha256::digest(body);
        let mut quoted = [b'"'; TAG_BYTES.div_ceil(3) * 4 + 2];
        let length = URL_SAFE_NO_PAD
            .encode_slice(&digest[..TAG_BYTES], &mut quoted[1..])
            .expect("base64 makes 4 characters of 3 bytes");
        quoted[length + 1] = b'"';
        Self(
            HeaderValue::from_bytes(&quoted[..length + 2])
                .expect("base64 and quotes are visible ASCII"),
        )
    }

    /// The tag as a header's value.
    #[must_use]
    pub(super) fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The tag of the same body in a coding.
    #[must_use]
    pub(super) fn of_coding(&self, coding: Coding) -> Self {
        let text = format!("\"{}-{}\"", self.opaque(), coding.name());
        Self(HeaderValue::try_from(text).expect("base64 and a coding's name are visible ASCII"))
    }

    /// The tag as it is sent.
    #[must_use]
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A tag as it was sent.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let quoted = bytes.len() > 2 && bytes.starts_with(b"\"") && bytes.ends_with(b"\"");
        if quoted { HeaderValue::from_bytes(bytes).ok().map(Self) } else { None }
    }

    fn opaque(&self) -> &str {
        self.0.to_str().unwrap_or_default().trim_matches('"')
    }
}

/// Which entity tags a condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// `*`: any.
    Any,
    /// One of these.
    Tags(Vec<Tag>),
}

/// An entity tag as a client wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    weak: bool,
    opaque: String,
}

impl Condition {
    /// `If-None-Match`, if given.
    ///
    /// # Errors
    /// 400 where it is malformed.
    pub(super) fn if_none_match(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        Self::read(headers, &header::IF_NONE_MATCH, "If-None-Match")
    }

    /// `If-Match`, if given.
    ///
    /// # Errors
    /// 400 where it is malformed.
    pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        Self::read(headers, &header::IF_MATCH, "If-Match")
    }

    fn read(
        headers: &HeaderMap,
        name: &header::HeaderName,
        spelling: &'static str,
    ) -> Result<Option<Self>, Problem> {
        if !headers.contains_key(name) {
            return Ok(None);
        }
        let malformed =
            || Problem::header(spelling, "must be * or a list of entity tags in quotes");
        let mut tags = Vec::new();
        let mut any = false;
        for value in headers.get_all(name) {
            let text = value.to_str().map_err(|_| malformed())?.trim();
            if text == "*" {
                any = true;
            } else {
                read_tags(text, &mut tags).ok_or_else(malformed)?;
            }
        }
        match (any, tags.is_empty()) {
            (true, true) => Ok(Some(Self::Any)),
            (false, false) => Ok(Some(Self::Tags(tags))),
            _ => Err(malformed()),
        }
    }

    /// Whether it names this body, whatever its bytes (weak comparison).
    #[must_use]
    pub(super) fn names(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag.opaque == etag.opaque()),
        }
    }

    /// Whether it names this body or an encoding of it, byte for byte (strong comparison).
    #[must_use]
    pub(super) fn names_strongly(&self, etag: &ETag) -> bool {
        let of_the_body = |tag: &Tag| {
            let rest = tag.opaque.strip_prefix(etag.opaque());
            !tag.weak && rest.is_some_and(|rest| rest.is_empty() || ENCODINGS.contains(&rest))
        };
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(of_the_body),
        }
    }
}

/// The answer to a read: 304 where the client has the body, with every header but the body's own
/// (RFC 9110, 15.4.5).
#[must_use]
pub(super) fn answer(
    found: &Finished,
    coded: Coded,
    policies: &Policies,
    if_none_match: Option<&Condition>,
) -> Response<Body> {
    let not_modified = match (if_none_match, &coded.etag) {
        (Some(condition), Some(etag)) => condition.names(etag),
        _ => false,
    };
    let mut response = Response::new(Body::EMPTY);
    let headers = response.headers_mut();
    headers.reserve(found.headers.len() + 8);
    headers.extend(found.headers.iter().cloned());
    headers.insert(header::CACHE_CONTROL, policies.of(found.class));
    headers.insert(header::VARY, policies.vary_of(found.class));
    if let Some(etag) = &coded.etag {
        headers.insert(header::ETAG, etag.to_header());
    }
    if not_modified {
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_ENCODING);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    if let Some(coding) = coded.coding.header() {
        headers.insert(header::CONTENT_ENCODING, coding);
    }
    *response.status_mut() = found.status;
    *response.body_mut() = Body::Full(coded.body);
    response
}

/// Reads a list of entity tags; empty items are allowed (RFC 9110, 5.6.1). A tag may hold commas.
fn read_tags(mut text: &str, tags: &mut Vec<Tag>) -> Option<()> {
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        if text.is_empty() {
            return Some(());
        }
        let (weak, rest) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let (opaque, rest) = rest.strip_prefix('"')?.split_once('"')?;
        // Visible ASCII without quotes; bytes above it were refused with the header.
        if opaque.contains(' ') || !opaque.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        tags.push(Tag { weak, opaque: opaque.to_owned() });
        text = rest.trim_start_matches([' ', '\t']);
        if !text.is_empty() && !text.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::IF_MATCH;

    fn condition(values: &[&'static str]) -> Result<Option<Condition>, Problem> {
        let pairs = values.iter().map(|value| (IF_MATCH, HeaderValue::from_static(value)));
        Condition::if_match(&pairs.collect())
    }

    #[test]
    fn a_tag_follows_from_the_bytes() {
        let tag = ETag::of(b"Stalker");
        assert_eq!(tag, ETag::of(b"Stalker"));
        assert_ne!(tag, ETag::of(b"Solaris"));
        assert_eq!(tag.to_header().len(), 24);
        assert!(tag.to_header().to_str().unwrap().starts_with('"'));
    }

    #[test]
    fn lists_are_read_whole() {
        let given = condition(&[r#"W/"a,b", ,"c""#, r#""""#]).unwrap().unwrap();
        let tag = |weak, opaque: &str| Tag { weak, opaque: opaque.to_owned() };
        assert_eq!(given, Condition::Tags(vec![tag(true, "a,b"), tag(false, "c"), tag(false, "")]));
        assert_eq!(condition(&["*"]).unwrap(), Some(Condition::Any));
        assert_eq!(condition(&[]).unwrap(), None);
    }

    #[test]
    fn malformed_lists_are_refused() {
        for bad in ["", ",", "a", "\"a", "\"a\" \"b\"", "w/\"a\"", "*, \"a\"", "\"a b\"", "\"a\"b"]
        {
            assert!(condition(&[Box::leak(bad.to_owned().into_boxed_str())]).is_err(), "{bad}");
        }
        assert!(condition(&["*", "\"a\""]).is_err());
    }

    #[test]
    fn writes_compare_strongly_and_know_the_encodings_of_a_body() {
        let etag = ETag::of(b"x");
        let plain = etag.to_header().to_str().unwrap().to_owned();
        let gzip = plain.trim_matches('"').to_owned() + "-gzip\"";
        let ask = |text: String| condition(&[Box::leak(text.into_boxed_str())]).unwrap().unwrap();
        assert!(ask(plain.clone()).names_strongly(&etag));
        assert!(ask(format!("\"{gzip}")).names_strongly(&etag));
        assert!(!ask(format!("W/{plain}")).names_strongly(&etag));
        assert!(ask(format!("W/{plain}")).names(&etag));
        assert!(!ask("\"other\"".to_owned()).names_strongly(&etag));
    }
}
