//! Requests whose heads are byte for byte like earlier ones: clients that stay send the same head again and
//! again, and what was read once need not be read again.
//!
//! Each thread remembers heads that it has seen twice, as the parser of the HTTP library reads them. Only
//! heads that passed the guard are learnt, so what is remembered has one reading.
//!
//! **Invariant:** what is remembered is how a head reads, and nothing of its answer: who asks, how much
//! they may, and what is good are looked at each time.
//! **Invariant:** a thread remembers at most [`PLACES`] heads of at most [`HEAD_MAX`] bytes.

use std::{cell::RefCell, hash::BuildHasher as _};

use foldhash::quality::RandomState;
use hyper::{
    Method, Request, Uri, Version,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

/// Heads of one thread; a head has one of two places.
const PLACES: usize = 1024;
/// Longer heads are not worth a place.
const HEAD_MAX: usize = 1024;
/// Heads of which it is known that they were seen once.
const SEEN: usize = 4096;
/// How many heads a place that is taken sends away for each that it takes instead: to read a head costs
/// more than not to know it.
const SENT_AWAY: u32 = 7;
/// Fields of a head; the parser takes no more either.
const FIELDS_MAX: usize = 100;

struct Memory {
    places: Vec<Option<Box<Place>>>,
    seen: Vec<u64>,
    sent_away: u32,
    hasher: RandomState,
}

struct Place {
    hash: u64,
    bytes: Box<[u8]>,
    /// `None` for a head that must go to the parser each time.
    request: Option<Request<()>>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory {
        places: std::iter::repeat_with(|| None).take(PLACES).collect(),
        seen: vec![0; SEEN],
        sent_away: 0,
        hasher: RandomState::default(),
    });
}

/// What `with` makes of the request that a head is, if this thread remembers it.
#[inline]
pub(super) fn recall<T>(head: &[u8], with: impl FnOnce(&Request<()>) -> Option<T>) -> Option<T> {
    if head.len() > HEAD_MAX {
        return None;
    }
    MEMORY.with_borrow(|memory| {
        let hash = memory.hasher.hash_one(head);
        let place = pair(hash, PLACES).into_iter().filter_map(|n| memory.places[n].as_ref());
        let place = place.into_iter().find(|place| place.hash == hash && *place.bytes == *head)?;
        with(place.request.as_ref()?)
    })
}

/// Remembers a head that passed the guard and has no body, if it was seen before.
#[inline]
pub(super) fn learn(head: &[u8]) {
    if head.len() > HEAD_MAX {
        return;
    }
    MEMORY.with_borrow_mut(|memory| {
        let hash = memory.hasher.hash_one(head);
        let seen = &mut memory.seen[pair(hash, SEEN)[0]];
        if *seen != hash {
            *seen = hash;
            return;
        }
        let [one, other] = pair(hash, PLACES);
        let is_here = |n: usize| memory.places[n].as_ref().is_some_and(|place| place.hash == hash);
        if is_here(one) || is_here(other) {
            return;
        }
        let n = if memory.places[one].is_none() { one } else { other };
        if memory.places[n].is_some() && memory.sent_away < SENT_AWAY {
            memory.sent_away += 1;
            return;
        }
        memory.sent_away = 0;
        memory.places[n] = Some(Box::new(Place { hash, bytes: head.into(), request: read(head) }));
    });
}

/// The request that a head is, as the HTTP library reads it; `None` where more than its method, target
/// and fields counts for the answer or the connection.
fn read(head: &[u8]) -> Option<Request<()>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut fields);
    let whole = parsed.parse(head).ok()?;
    if whole != httparse::Status::Complete(head.len()) || parsed.version != Some(1) {
        return None;
    }
    let method = match parsed.method? {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        _ => return None,
    };
    let uri: Uri = parsed.path.filter(|path| path.starts_with('/'))?.parse().ok()?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let stays = name == header::CONNECTION && field.value.eq_ignore_ascii_case(b"keep-alive");
        if !stays && ABOUT_THE_CONNECTION.contains(&name) {
            return None;
        }
        headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    Some(request)
}

/// Fields that say something of the connection, or of a body.
const ABOUT_THE_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The two places that a head can have.
fn pair(hash: u64, places: usize) -> [usize; 2] {
    let one = usize::try_from(hash % (places as u64)).unwrap_or(0);
    [one, one ^ 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recalled(head: &str) -> Option<String> {
        recall(head.as_bytes(), |request| Some(format!("{} {}", request.method(), request.uri())))
    }

    #[test]
    fn a_head_is_remembered_once_it_was_seen_twice() {
        let head = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n";
        assert_eq!(recalled(head), None);
        learn(head.as_bytes());
        assert_eq!(recalled(head), None);
        learn(head.as_bytes());
        assert_eq!(recalled(head).as_deref(), Some("GET /a?b=c"));
        assert_eq!(recalled(&head.replace("Host", "host")), None, "it is other bytes");
    }

    #[test]
    fn what_says_more_than_what_is_asked_goes_to_the_parser() {
        for head in [
            "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            assert!(read(head.as_bytes()).is_none(), "{head}");
            learn(head.as_bytes());
            learn(head.as_bytes());
            assert_eq!(recalled(head), None, "{head}");
        }
    }

    #[test]
    fn however_many_heads_come_the_places_are_bounded() {
        for n in 0..20_000 {
            let head = format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n");
            (0..=SENT_AWAY + 1).for_each(|_| learn(head.as_bytes()));
            assert_eq!(recalled(&head), Some(format!("GET /{n}")));
        }
        MEMORY.with_borrow(|memory| assert_eq!(memory.places.len(), PLACES));
        let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(HEAD_MAX));
        learn(long.as_bytes());
        learn(long.as_bytes());
        assert_eq!(recalled(&long), None);
    }
}
