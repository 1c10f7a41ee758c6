//! Which pages of other origins may use the API from a browser (the Fetch standard, section 3.3).
//!
//! **Invariant:** no page is ever let in with the credentials of a browser: keys are given in
//! `Authorization` by the page itself, so `Access-Control-Allow-Credentials` is never said.
//! **Invariant:** where an answer depends on the origin, `Vary` says so, for pages that are not let in
//! too.

use hyper::{
    Method, Response,
    header::{self, HeaderMap, HeaderValue},
};

use super::response::Body;

/// Headers that pages may send beyond those that all may.
const ALLOW_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, \
     min-catalog-revision, traceparent, x-request-id",
);
/// Headers that pages may read beyond those that all may.
const EXPOSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, link, location, retry-after, cache-status, catalog-revision, ratelimit, \
     ratelimit-policy, x-request-id",
);
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");
const VARY_PREFLIGHT: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which origins are let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origins {
    /// None, and nothing is said.
    #[default]
    None,
    /// All. Answers are the same for everybody.
    Any,
    /// These, as browsers write them.
    These(Vec<HeaderValue>),
}

/// Cross-origin rules.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Origins,
    max_age: Option<HeaderValue>,
}

impl Cors {
    /// Rules that let these origins in, and let browsers remember for `max_age_s` seconds that they did.
    #[must_use]
    pub fn new(origins: Origins, max_age_s: u64) -> Self {
        Self { origins, max_age: Some(HeaderValue::from(max_age_s)) }
    }

    /// Whether what is said depends on nothing but these rules, so that it may be part of a head that is
    /// kept for all.
    #[must_use]
    pub const fn is_constant(&self) -> bool {
        !matches!(self.origins, Origins::These(_))
    }

    /// Says in an answer's head whether the page that asked may read it.
    #[inline]
    pub(super) fn say(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        let allowed = match &self.origins {
            Origins::None => return,
            Origins::Any => ANY,
            Origins::These(origins) => {
                answer.append(header::VARY, VARY_ORIGIN);
                match asked.get(header::ORIGIN).filter(|origin| origins.contains(origin)) {
                    Some(origin) => origin.clone(),
                    None => return,
                }
            }
        };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSE_HEADERS);
    }

    /// Adds to the answer to an OPTIONS request, which has `Allow`, what a browser asks for before it
    /// sends what a page of another origin wants to send. `None` where the request is not of that kind.
    /// [`say`](Self::say) has the rest.
    pub(super) fn preflight(
        &self,
        method: &Method,
        asked: &HeaderMap,
        answer: &mut Response<Body>,
    ) -> Option<()> {
        let is_preflight = method == Method::OPTIONS
            && asked.contains_key(header::ORIGIN)
            && asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let headers = answer.headers_mut();
        let allow = headers.get(header::ALLOW).cloned().filter(|_| is_preflight)?;
        match &self.origins {
            Origins::None => return None,
            Origins::Any => {}
            Origins::These(origins) => {
                headers.append(header::VARY, VARY_PREFLIGHT);
                if !origins.contains(asked.get(header::ORIGIN)?) {
                    return None;
                }
            }
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOW_HEADERS);
        if let Some(seconds) = &self.max_age {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, seconds.clone());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these() -> Cors {
        let origins = ["https://films.example", "http://localhost:3000"];
        Cors::new(Origins::These(origins.map(HeaderValue::from_static).to_vec()), 600)
    }

    fn asked(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))])
    }

    fn said(cors: &Cors, asked: &HeaderMap) -> HeaderMap {
        let mut answer = HeaderMap::new();
        answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        cors.say(asked, &mut answer);
        answer
    }

    fn preflight(cors: &Cors, origin: &'static str) -> (bool, HeaderMap) {
        let mut asked = asked(origin);
        asked.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        let mut answer = Response::new(Body::EMPTY);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, PUT"));
        let done = cors.preflight(&Method::OPTIONS, &asked, &mut answer).is_some();
        (done, answer.into_parts().0.headers)
    }

    #[test]
    fn without_rules_nothing_is_said() {
        let answer = said(&Cors::default(), &asked("https://films.example"));
        assert_eq!(answer.len(), 1);
        let (done, answer) = preflight(&Cors::default(), "https://films.example");
        assert_eq!((done, answer.len()), (false, 1));
    }

    #[test]
    fn for_any_origin_answers_are_the_same_for_everybody() {
        let any = Cors::new(Origins::Any, 600);
        let answer = said(&any, &asked("https://elsewhere.example"));
        assert_eq!(answer, said(&any, &HeaderMap::new()));
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(answer.get_all(header::VARY).iter().count(), 1);
        assert!(any.is_constant() && !these().is_constant());
    }

    #[test]
    fn an_origin_of_the_list_is_told_by_name_and_others_are_not() {
        for (origin, let_in) in [
            ("https://films.example", true),
            ("http://localhost:3000", true),
            ("https://films.example.evil", false),
            ("http://films.example", false),
            ("null", false),
        ] {
            let answer = said(&these(), &asked(origin));
            let allowed = answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(allowed.map(HeaderValue::as_bytes), let_in.then_some(origin.as_bytes()));
            assert!(answer.get_all(header::VARY).iter().any(|value| value == "origin"), "{origin}");
        }
        assert!(said(&these(), &HeaderMap::new()).get_all(header::VARY).iter().count() == 2);
    }

    #[test]
    fn credentials_are_never_let_in() {
        for cors in [these(), Cors::new(Origins::Any, 1)] {
            let answers = [said(&cors, &asked("https://films.example")), preflight(&cors, "x").1];
            for answer in answers {
                assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
            }
        }
    }

    #[test]
    fn a_browser_that_asks_first_hears_the_methods_of_that_path() {
        let (done, answer) = preflight(&these(), "https://films.example");
        assert!(done);
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_METHODS], "GET, PUT");
        assert_eq!(answer[header::ACCESS_CONTROL_MAX_AGE], "600");
        let (done, answer) = preflight(&these(), "https://evil.example");
        assert!(!done && !answer.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS));
        assert!(answer.contains_key(header::VARY));
    }
}
