//! A finished answer to a read: it holds for every request that means the same, so it can be kept.

use std::sync::{Arc, OnceLock};

use bytes::{Buf as _, BufMut as _, Bytes};
use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use serde::Serialize;
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use crate::{
    cache::entry::Payload, domain::movie::MovieId, service::activity::Shown, store::SearchKey,
};

use super::{
    class::Class,
    conditional::ETag,
    encoding::{Coding, compress},
    exact::exact,
    response::JSON,
};

/// Bodies below this are sent as they are: a coding's own head would eat what it saves.
const CODED_FROM: usize = 256;

/// A finished answer.
#[derive(Debug)]
pub(super) struct Finished {
    /// 200, or 404 for a movie that does not exist.
    pub(super) status: StatusCode,
    /// Whose policy it has.
    pub(super) class: Class,
    /// The body.
    pub(super) body: Bytes,
    /// The body's tag; a 404 has none.
    pub(super) etag: Option<ETag>,
    /// Every other header that follows from the answer alone.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// What it shows, where it is known later what is opened of it.
    pub(super) shown: Option<Arc<Shown>>,
    /// In codings, once somebody asked for one: most answers are never asked for in any, and a place for each takes as much
    /// as a small body.
    coded: OnceLock<Box<Codings>>,
}

/// A body in each coding, where it was asked for and that makes it smaller.
type Codings = [OnceCell<Option<Coded>>; Coding::COMPRESSED.len()];

/// A body in a coding, with a tag of its own: other bytes.
#[derive(Debug, Clone)]
pub(super) struct Coded {
    pub(super) coding: Coding,
    pub(super) body: Bytes,
    pub(super) etag: Option<ETag>,
}

impl Finished {
    /// A JSON answer.
    ///
    /// # Panics
    /// Where `value` has no JSON form, such as a map with keys that are not text.
    pub(super) fn json(class: Class, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("answers have a JSON form");
        Self::bytes(class, JSON, body)
    }

    /// An answer of any type.
    pub(super) fn bytes(class: Class, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let etag = Some(ETag::of(&body));
        Self { etag, ..Self::new(StatusCode::OK, class, media_type, body) }
    }

    /// An answer without a tag.
    pub(super) fn new(
        status: StatusCode,
        class: Class,
        media_type: HeaderValue,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = vec![(header::CONTENT_TYPE, media_type)];
        let body = exact(body.into());
        Self { status, class, body, etag: None, headers, shown: None, coded: OnceLock::new() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.reserve_exact(1);
        self.headers.push((name, value));
        self
    }

    /// The same answer, for other headers.
    pub(super) fn twin(&self) -> Self {
        let Self { status, class, body, etag, headers, shown, coded: _ } = self;
        Self {
            status: *status,
            class: *class,
            body: body.clone(),
            etag: etag.clone(),
            headers: headers.clone(),
            shown: shown.clone(),
            coded: OnceLock::new(),
        }
    }

    /// The same answer, of a search that showed this.
    #[must_use]
    pub(super) fn showing(self, shown: Shown) -> Self {
        Self { shown: Some(Arc::new(shown)), ..self }
    }

    /// The body in a coding, if that was made.
    pub(super) fn body_in(&self, coding: Coding) -> Option<&Bytes> {
        match Coding::COMPRESSED.iter().position(|one| *one == coding) {
            None => Some(&self.body),
            Some(place) => self.coded.get()?[place].get()?.as_ref().map(|coded| &coded.body),
        }
    }

    /// The bytes themselves.
    fn plain(&self) -> Coded {
        Coded { coding: Coding::Identity, body: self.body.clone(), etag: self.etag.clone() }
    }

    /// Where a coding is kept; `None` where the body is sent as it is.
    fn place(&self, coding: Coding) -> Option<&OnceCell<Option<Coded>>> {
        let coded_already = self.headers.iter().any(|(name, _)| *name == header::CONTENT_ENCODING);
        let place = Coding::COMPRESSED.iter().position(|one| *one == coding)?;
        (self.body.len() >= CODED_FROM && !coded_already)
            .then(|| &self.coded.get_or_init(Default::default)[place])
    }

    /// The body in a coding, made by the first who asks and kept; and whether that was now. Where a
    /// coding would not make it smaller, the bytes themselves.
    pub(super) async fn coded(&self, coding: Coding) -> (Coded, bool) {
        let Some(place) = self.place(coding) else { return (self.plain(), false) };
        let mut now = false;
        let coded = place.get_or_init(async || {
            now = true;
            let body = compress(coding, self.body.clone()).await?;
            let etag = self.etag.as_ref().map(|etag| etag.of_coding(coding));
            Some(Coded { coding, body, etag })
        });
        let coded = coded.await.clone();
        (coded.unwrap_or_else(|| self.plain()), now)
    }

    /// The same for a client, who may leave: what has to be made is made by a task of its own, since others
    /// will ask for it. It is one of `tasks`; `made` is told once it is done.
    pub(super) async fn coded_for_client<O: Send + Sync + 'static>(
        owner: &Arc<O>,
        of: fn(&O) -> &Self,
        coding: Coding,
        tasks: &TaskTracker,
        made: impl FnOnce(&Arc<O>) + Send + 'static,
    ) -> Coded {
        let finished = of(owner);
        match finished.place(coding).map(OnceCell::get) {
            None => return finished.plain(),
            Some(Some(known)) => return known.clone().unwrap_or_else(|| finished.plain()),
            Some(None) => {}
        }
        let shared = Arc::clone(owner);
        let task = tasks.spawn(async move {
            let (coded, now) = of(&shared).coded(coding).await;
            if now {
                made(&shared);
            }
            coded
        });
        task.await.unwrap_or_else(|_| finished.plain())
    }
}

impl Payload for Finished {
    /// To be raised whenever an answer looks otherwise within one release.
    const SCHEMA: u64 = 2;

    fn weight(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| {
            size_of::<(HeaderName, HeaderValue)>() + name.as_str().len() + value.len()
        });
        let places = self.coded.get();
        let coded = places.iter().flat_map(|places| places.iter());
        let coded = coded.filter_map(|coded| coded.get()?.as_ref());
        let shown = self.shown.as_ref().map_or(0, |shown| {
            size_of::<Shown>() + shown.query.len() + shown.movies.len() * size_of::<MovieId>()
        });
        self.body.len()
            + shown
            + headers.sum::<usize>()
            + places.map_or(0, |_| size_of::<Codings>())
            + coded.map(|coded| coded.body.len()).sum::<usize>()
    }

    fn write(&self, into: &mut Vec<u8>) {
        let text = |into: &mut Vec<u8>, bytes: &[u8]| {
            into.put_u32_le(u32::try_from(bytes.len()).expect("a header is shorter than 4 GiB"));
            into.put_slice(bytes);
        };
        into.put_u16_le(self.status.as_u16());
        into.put_u8(self.class.code());
        text(into, self.etag.as_ref().map_or(b"", |etag| etag.as_bytes()));
        into.put_u8(u8::try_from(self.headers.len()).expect("answers have few headers"));
        for (name, value) in &self.headers {
            text(into, name.as_str().as_bytes());
            text(into, value.as_bytes());
        }
        into.put_u8(u8::from(self.shown.is_some()));
        if let Some(shown) = &self.shown {
            text(into, shown.query.as_bytes());
            into.put_u64_le(shown.hits);
            into.put_u8(u8::from(shown.is_first));
            into.put_u16_le(u16::try_from(shown.movies.len()).expect("a page has few rows"));
            shown.movies.iter().for_each(|movie| into.put_i64_le(movie.get()));
        }
        into.put_slice(&self.body);
    }

    fn read(mut bytes: Bytes) -> Option<Self> {
        let status = StatusCode::from_u16(bytes.try_get_u16_le().ok()?).ok()?;
        let class = Class::from_code(bytes.try_get_u8().ok()?)?;
        let etag = text(&mut bytes)?;
        let etag = if etag.is_empty() { None } else { Some(ETag::from_bytes(&etag)?) };
        let count = bytes.try_get_u8().ok()?;
        let mut headers = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let name = HeaderName::from_bytes(&text(&mut bytes)?).ok()?;
            headers.push((name, value_of(&text(&mut bytes)?)?));
        }
        let shown = match bytes.try_get_u8().ok()? {
            0 => None,
            _ => Some(Arc::new(read_shown(&mut bytes)?)),
        };
        let body = Bytes::copy_from_slice(&bytes);
        Some(Self { status, class, body, etag, headers, shown, coded: OnceLock::new() })
    }
}

/// A header's value, in memory of its own unless it is the one that most answers have.
fn value_of(bytes: &[u8]) -> Option<HeaderValue> {
    if bytes == JSON.as_bytes() { Some(JSON) } else { HeaderValue::from_bytes(bytes).ok() }
}

/// A text with its length before it.
fn text(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(bytes.try_get_u32_le().ok()?).ok()?;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn read_shown(bytes: &mut Bytes) -> Option<Shown> {
    let query = String::from_utf8(text(bytes)?.into()).ok()?;
    let hits = bytes.try_get_u64_le().ok()?;
    let is_first = bytes.try_get_u8().ok()? != 0;
    let count = bytes.try_get_u16_le().ok()?;
    let mut movies = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        movies.push(MovieId::new(bytes.try_get_i64_le().ok()?)?);
    }
    Some(Shown { key: SearchKey::of(&query), query, hits, movies, is_first })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn answer() -> Finished {
        let link = HeaderValue::from_static("</v1/movies>; rel=\"first\"");
        Finished::json(Class::List, &vec!["Stalker"; 100]).with(header::LINK, link)
    }

    #[test]
    fn what_is_written_for_the_shared_tier_reads_as_the_same_answer() {
        let mut bytes = Vec::new();
        answer().write(&mut bytes);
        let whole = Bytes::from(bytes.clone());
        let read = Finished::read(whole.clone()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", answer()));
        assert!(whole.is_unique(), "the answer keeps all that came with it");
        for end in 0..60 {
            let _ = Finished::read(bytes[..end].to_vec().into()); // must not panic
        }
        assert!(Finished::read(Bytes::new()).is_none());
    }

    #[test]
    fn what_a_search_shows_goes_to_the_shared_tier_with_it() {
        let movies = [7, 9].map(|id| MovieId::new(id).unwrap()).to_vec();
        let (query, key) = ("q=alien".to_owned(), SearchKey::of("q=alien"));
        let search = answer().showing(Shown { key, query, hits: 12, movies, is_first: true });
        let mut bytes = Vec::new();
        search.write(&mut bytes);
        let read = Finished::read(bytes.into()).unwrap();
        assert_eq!((&read.shown, &read.body), (&search.shown, &search.body));
        assert!(search.weight() > answer().weight());
    }

    #[tokio::test]
    async fn a_body_is_coded_once_and_weighs_more_then() {
        let answer = answer();
        let before = answer.weight();
        let (coded, now) = answer.coded(Coding::Brotli).await;
        assert!(now && coded.coding == Coding::Brotli && coded.body.len() < answer.body.len());
        assert_ne!(coded.etag, answer.etag);
        assert_eq!(answer.weight(), before + size_of::<Codings>() + coded.body.len());
        let (again, now) = answer.coded(Coding::Brotli).await;
        assert!(!now && again.body == coded.body);
    }

    #[tokio::test]
    async fn a_client_that_leaves_takes_no_coding_from_others() {
        let answer = Arc::new(answer());
        let (made, heard) = std::sync::mpsc::channel();
        let tell = move |_: &Arc<Finished>| made.send(()).unwrap();
        let tasks = TaskTracker::new();
        let coding = Finished::coded_for_client(&answer, |one| one, Coding::Brotli, &tasks, tell);
        assert!(coding.now_or_never().is_none(), "it takes a thread");
        while heard.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let (_, now) = answer.coded(Coding::Brotli).await;
        assert!(!now);
    }

    #[tokio::test]
    async fn what_is_kept_takes_no_more_memory_than_it_has_bytes() {
        for coding in Coding::COMPRESSED {
            let (coded, _) = answer().coded(coding).await;
            assert_eq!(coded.coding, coding);
            let length = coded.body.len();
            assert_eq!(coded.body.try_into_mut().unwrap().capacity(), length, "{coding:?}");
        }
        let (body, length) = (answer().body, answer().body.len());
        assert_eq!(body.try_into_mut().unwrap().capacity(), length);
    }

    #[tokio::test]
    async fn small_bodies_are_sent_as_they_are() {
        let answer = Finished::json(Class::List, &"x");
        let (coded, now) = answer.coded(Coding::Gzip).await;
        assert_eq!((coded.coding, now), (Coding::Identity, false));
    }
}
