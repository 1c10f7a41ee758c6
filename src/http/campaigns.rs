//! Campaigns: somebody says that a rush is coming, and what it will ask for is made and kept before it does.
//!
//! `/warm` of the admin listener takes targets of the public listener. Each is answered once, in every
//! coding, and kept whether or not it is asked for, until the campaign is over; a write that supersedes it
//! has it made anew ([`seasons`](super::seasons) does that for seasons, and for campaigns).
//!
//! **Invariant:** what is made here is judged as any other answer when it is asked for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    cache::tiers::Prepared,
    domain::{
        clock::Moment,
        invalid::{Faults, Invalid},
        movie_json::pointer,
    },
    service::collections::Collections,
};

use super::{
    body::{self, Accepts, Bounds},
    error::{Kind, Problem},
    handlers::{collections, compat, item, list, search, suggest},
    params,
    query::Query,
    response::{Body, written},
    route::{Found, Route, Router},
    seasons::Keeper,
};

/// Its path.
pub(super) const PATH: &str = "/warm";

/// Most targets of all campaigns.
pub(super) const TARGETS_MAX: usize = 500;
/// For how long a campaign may last, in seconds: a week.
const SECONDS_MAX: u32 = 7 * 24 * 3600;
/// How long it lasts unless told otherwise.
const SECONDS_DEFAULT: u32 = 3600;
const NO_ROOM: &str =
    "there is no room to keep it: what nobody has asked for yet has an eighth of --l1-bytes";
const NOT_PREPARED: &str =
    "cannot be prepared: lists, movies, genres, searches, suggestions and collections can";
/// A target is a line, and who sends them is near.
const BOUNDS: Bounds = Bounds { bytes_max: 1024 * 1024, timeout: Duration::from_secs(10) };

/// What campaigns are to keep. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Campaigns(Arc<Mutex<Vec<Kept>>>);

/// A target, and until when it is kept.
#[derive(Debug, Clone)]
struct Kept {
    target: Target,
    until: Moment,
}

/// A read of the public listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// As it was given.
    text: String,
    route: Route,
    parameter: String,
}

/// What a campaign is told by.
const MEMBERS: [&str; 2] = ["targets", "for_seconds"];

/// The answer: what campaigns there are, and what came of the one that was asked for.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    warmed: Option<Warmed>,
    kept: Vec<KeptView>,
}

#[derive(Debug, Serialize)]
struct KeptView {
    target: String,
    until: String,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Warmed {
    loaded: usize,
    from_l2: usize,
    already: usize,
    failed: usize,
    answers: Vec<AnswerView>,
}

#[derive(Debug, Serialize)]
struct AnswerView {
    target: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Campaigns {
    fn held(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be kept now; campaigns that are over are forgotten.
    pub(super) fn wanted(&self, now: Moment) -> Vec<Target> {
        let mut held = self.held();
        held.retain(|kept| kept.until > now);
        held.iter().map(|kept| kept.target.clone()).collect()
    }

    /// Keeps targets until a moment, or for longer where they are kept for longer already.
    ///
    /// # Errors
    /// They would be too many; nothing changed.
    fn add(&self, targets: &[Target], now: Moment, until: Moment) -> Result<(), Problem> {
        let mut held = self.held();
        held.retain(|kept| kept.until > now);
        let is_new = |target: &&Target| !held.iter().any(|kept| kept.target == **target);
        if held.len() + targets.iter().filter(is_new).count() > TARGETS_MAX {
            let detail = format!("campaigns have at most {TARGETS_MAX} targets together: end some");
            return Err(Problem::new(Kind::InvalidDocument, detail));
        }
        for target in targets {
            match held.iter_mut().find(|kept| kept.target == *target) {
                Some(kept) => kept.until = kept.until.max(until),
                None => held.push(Kept { target: target.clone(), until }),
            }
        }
        Ok(())
    }

    /// Keeps a target no more.
    fn give_up(&self, target: &Target) {
        self.held().retain(|kept| kept.target != *target);
    }

    fn view(&self, now: Moment) -> Vec<KeptView> {
        let view = |kept: &Kept| KeptView {
            target: kept.target.text.clone(),
            until: kept.until.to_string(),
        };
        self.held().iter().filter(|kept| kept.until > now).map(view).collect()
    }
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// Why it is nothing that is kept.
    fn read(router: &Router, text: &str) -> Result<Self, String> {
        let path = text.split_once('?').map_or(text, |(path, _)| path);
        let Found::Route(route, parameter) = router.find(&Method::GET, path) else {
            return Err("must be the path of a read, like /v1/movies?genre=horror".to_owned());
        };
        let target = Self { text: text.to_owned(), route, parameter: parameter.into_owned() };
        let read = match route {
            Route::GetCollection => params::none(target.query()),
            Route::ListCollections => target.collections().map(|_| ()),
            _ => target.plain().map(|_| ()),
        };
        read.map(|()| target).map_err(|problem| problem.detail().to_owned())
    }

    /// That there is no such thing.
    pub(super) fn missing(&self) -> Problem {
        let kind = match self.route {
            Route::GetCollection => Kind::NoSuchCollection,
            _ => Kind::NoSuchMovie,
        };
        Problem::new(kind, "not found")
    }

    fn query(&self) -> Option<&str> {
        self.text.split_once('?').map(|(_, query)| query)
    }

    /// What is asked for, where that does not depend on the calendar.
    fn plain(&self) -> Result<Query, Problem> {
        match self.route {
            Route::ListMovies => list::read(self.query()),
            Route::SearchMovies => search::read(self.query()),
            Route::Suggest => suggest::read(self.query()),
            Route::CompatList => compat::read_list(self.query()),
            Route::GetMovie => params::none(self.query()).and(item::read(&self.parameter)),
            Route::GetMovieByImdbId => {
                params::none(self.query()).and(item::read_imdb_id(&self.parameter))
            }
            Route::ListGenres => params::none(self.query()).and(Ok(Query::Genres)),
            _ => Err(Problem::new(Kind::InvalidDocument, NOT_PREPARED)),
        }
    }

    /// Which collections are asked for.
    fn collections(&self) -> Result<collections::ListQuery, Problem> {
        let (query, at) = collections::read_list(self.query())?;
        if at.is_some() {
            let detail = "collections of another moment than now are not kept";
            return Err(Problem::new(Kind::InvalidDocument, detail));
        }
        Ok(query)
    }

    /// What is asked for, as of now.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub(super) async fn now(&self, held: &Collections) -> Result<Query, Problem> {
        match self.route {
            Route::GetCollection => {
                params::none(self.query())?;
                collections::one_now(held, &self.parameter).await
            }
            Route::ListCollections => collections::collections_now(held, self.collections()?).await,
            _ => self.plain(),
        }
    }
}

/// GET tells what is kept, POST prepares for a rush, DELETE ends every campaign.
///
/// # Errors
/// 403 for what a browser sends, 400 for what is not JSON, 422 for what is no campaign.
pub(super) async fn answer(
    keeper: &Keeper,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let (parts, mut incoming) = request.into_parts();
    let changes = matches!(parts.method, Method::POST | Method::DELETE);
    // Whatever page an operator has open can send a form to his own machine.
    if changes && parts.headers.contains_key(header::ORIGIN) {
        let detail = "campaigns are not begun from a browser (the request has an Origin)";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let warmed = match parts.method {
        Method::GET | Method::HEAD => None,
        Method::DELETE => {
            keeper.campaigns().held().clear();
            tracing::info!("campaigns ended");
            None
        }
        Method::POST => {
            let memory = body::Memory::new(BOUNDS.bytes_max);
            let any = Accepts::JsonUnderAnyName;
            let bytes = body::read(&parts.headers, &mut incoming, any, BOUNDS, &memory).await?;
            let asked = body::object(bytes).await?;
            let (targets, seconds) = read(&asked).map_err(|bad| Problem::document(&bad))?;
            Some(warm(keeper, targets, seconds).await?)
        }
        _ => {
            let detail = "this path has GET, HEAD, POST and DELETE";
            let allow = HeaderValue::from_static("GET, HEAD, POST, DELETE");
            let problem = Problem::new(Kind::MethodNotAllowed, detail);
            return Err(problem.with(header::ALLOW, allow));
        }
    };
    let kept = keeper.campaigns().view(keeper.now());
    Ok(written(StatusCode::OK, &Report { warmed, kept }))
}

/// Reads a campaign: its targets, and how many seconds it lasts.
fn read(asked: &Map<String, Value>) -> Result<(Vec<Target>, u32), Invalid> {
    let mut faults = Faults::default();
    for name in asked.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let rule = format!("does not belong here; a campaign has {}", MEMBERS.join(", "));
        faults.pointer(pointer(name), rule);
    }
    let seconds = match asked.get("for_seconds") {
        None | Some(Value::Null) => Some(SECONDS_DEFAULT),
        Some(value) => value.as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
    };
    let seconds = seconds.filter(|seconds| (1..=SECONDS_MAX).contains(seconds));
    if seconds.is_none() {
        faults.pointer("/for_seconds", format!("must be an integer from 1 to {SECONDS_MAX}"));
    }
    let targets = match asked.get("targets") {
        Some(Value::Array(all)) if (1..=TARGETS_MAX).contains(&all.len()) => all.as_slice(),
        _ => {
            faults.pointer("/targets", format!("must be a list of 1 to {TARGETS_MAX} targets"));
            &[]
        }
    };
    let router = Router::new();
    let mut read = Vec::new();
    for (n, target) in targets.iter().enumerate() {
        let text = target.as_str().ok_or_else(|| "must be a string".to_owned());
        match text.and_then(|text| Target::read(&router, text)) {
            Ok(target) if read.contains(&target) => {}
            Ok(target) => read.push(target),
            Err(rule) => faults.pointer(format!("/targets/{n}"), rule),
        }
    }
    faults.or((read, seconds.unwrap_or(SECONDS_DEFAULT)))
}

async fn warm(keeper: &Keeper, targets: Vec<Target>, seconds: u32) -> Result<Warmed, Problem> {
    let now = keeper.now();
    let until = Moment::from_unix_ms(now.unix_ms() + 1000 * i64::from(seconds));
    keeper.campaigns().add(&targets, now, until)?;
    let mut warmed = Warmed::default();
    for target in targets {
        let (outcome, detail) = match keeper.prepare(&target).await {
            Ok(Prepared::Already) => ("already", None),
            Ok(Prepared::FromL2) => ("from_l2", None),
            Ok(Prepared::Loaded) => ("loaded", None),
            Ok(Prepared::NoRoom) => ("failed", Some(NO_ROOM.to_owned())),
            Err(problem) => {
                // What cannot be made now is made as soon as it can be; what is not there is a slip.
                if problem.kind().status() == StatusCode::NOT_FOUND {
                    keeper.campaigns().give_up(&target);
                }
                ("failed", Some(problem.detail().to_owned()))
            }
        };
        let counter = match outcome {
            "already" => &mut warmed.already,
            "from_l2" => &mut warmed.from_l2,
            "loaded" => &mut warmed.loaded,
            _ => &mut warmed.failed,
        };
        *counter += 1;
        warmed.answers.push(AnswerView { target: target.text, outcome, detail });
    }
    let Warmed { loaded, from_l2, already, failed, .. } = warmed;
    tracing::info!(loaded, from_l2, already, failed, seconds, "prepared for a campaign");
    Ok(warmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<Target>, u32), Invalid> {
        super::read(&serde_json::from_str(text).unwrap())
    }

    fn faults(text: &str) -> Vec<String> {
        read(text).unwrap_err().faults().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn targets_that_mean_no_kept_read_are_refused_each_by_its_place() {
        let text = r#"{"targets":["/v1/movies?colour=red","/v1/export","nowhere","/v1/genres"],
                       "for_seconds":0}"#;
        let faults = faults(text);
        assert_eq!(faults.len(), 4, "{faults:?}");
        for place in ["/for_seconds", "/targets/0", "/targets/1", "/targets/2"] {
            assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place}: {faults:?}");
        }
        for (text, place) in [
            ("{}", "/targets"),
            (r#"{"targets":[]}"#, "/targets"),
            (r#"{"targets":"/v1/genres"}"#, "/targets"),
            (r#"{"targets":["/v1/genres",7]}"#, "/targets/1"),
            (r#"{"targets":["/v1/collections?at=2026-12-24T18:00:00Z"]}"#, "/targets/0"),
            (r#"{"targets":["/v1/collections/halloween?at=x"]}"#, "/targets/0"),
            (r#"{"targets":["/v1/genres"],"for_seconds":"60"}"#, "/for_seconds"),
            (r#"{"targets":["/v1/genres"],"for_seconds":1.5}"#, "/for_seconds"),
            (r#"{"targets":["/v1/genres"],"minutes":3}"#, "/minutes"),
        ] {
            let faults = self::faults(text);
            assert!(faults.len() == 1 && faults[0].starts_with(place), "{text}: {faults:?}");
        }
    }

    #[test]
    fn a_campaign_ends_and_a_longer_one_is_not_cut_short() {
        let (targets, seconds) = read(r#"{"targets":["/v1/genres","/v1/genres"]}"#).unwrap();
        assert_eq!((targets.len(), seconds), (1, SECONDS_DEFAULT));
        let campaigns = Campaigns::default();
        let at = |seconds: i64| Moment::from_unix_ms(1000 * seconds);
        campaigns.add(&targets, at(0), at(60)).unwrap();
        campaigns.add(&targets, at(0), at(30)).unwrap();
        assert_eq!(campaigns.wanted(at(59)), targets);
        assert!(campaigns.wanted(at(60)).is_empty());
    }

    #[test]
    fn campaigns_together_have_a_bound() {
        let campaigns = Campaigns::default();
        let at = |seconds: i64| Moment::from_unix_ms(1000 * seconds);
        let router = Router::new();
        let of = |range: std::ops::Range<usize>| -> Vec<Target> {
            range
                .map(|n| Target::read(&router, &format!("/v1/movies/{}", n + 1)).unwrap())
                .collect()
        };
        campaigns.add(&of(0..TARGETS_MAX), at(0), at(60)).unwrap();
        assert!(campaigns.add(&of(0..TARGETS_MAX + 1), at(1), at(60)).is_err());
        campaigns.add(&of(0..TARGETS_MAX), at(1), at(60)).unwrap();
        campaigns.add(&of(TARGETS_MAX..TARGETS_MAX + 1), at(60), at(90)).unwrap();
        assert_eq!(campaigns.wanted(at(61)).len(), 1);
    }
}
