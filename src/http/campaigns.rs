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
use serde::{Deserialize, Serialize};

use crate::{
    cache::tiers::Prepared,
    domain::{
        clock::Moment,
        invalid::{Fault, Faults, Invalid},
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    targets: Vec<String>,
    for_seconds: Option<u32>,
}

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
        match route {
            Route::GetCollection | Route::ListCollections => Ok(target),
            _ => target.plain().map(|_| target).map_err(|problem| problem.detail().to_owned()),
        }
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
            _ => Err(Problem::new(Kind::InvalidDocument, "answers to this are not kept")),
        }
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
            Route::ListCollections => {
                let (query, at) = collections::read_list(self.query())?;
                if at.is_some() {
                    let detail = "collections of another moment than now are not kept";
                    return Err(Problem::new(Kind::InvalidDocument, detail));
                }
                collections::collections_now(held, query).await
            }
            _ => self.plain(),
        }
    }
}

/// GET tells what is kept, POST prepares for a rush, DELETE ends every campaign.
///
/// # Errors
/// 403 for what a browser sends, 422 for what is no campaign.
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
            let (targets, seconds) = read(&bytes).map_err(|bad| Problem::document(&bad))?;
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
fn read(bytes: &[u8]) -> Result<(Vec<Target>, u32), Invalid> {
    let Asked { targets, for_seconds } = serde_json::from_slice(bytes)
        .map_err(|bad| Invalid::one(Fault::pointer("", format!("is no campaign: {bad}"))))?;
    let mut faults = Faults::default();
    let seconds = for_seconds.unwrap_or(SECONDS_DEFAULT);
    if !(1..=SECONDS_MAX).contains(&seconds) {
        let rule = format!("must be an integer from 1 to {SECONDS_MAX}");
        faults.push(Fault::pointer("/for_seconds", rule));
    }
    if !(1..=TARGETS_MAX).contains(&targets.len()) {
        faults.push(Fault::pointer("/targets", format!("must be from 1 to {TARGETS_MAX}")));
    }
    let router = Router::new();
    let mut read = Vec::new();
    for (n, text) in targets.iter().enumerate().take(TARGETS_MAX) {
        match Target::read(&router, text) {
            Ok(target) if read.contains(&target) => {}
            Ok(target) => read.push(target),
            Err(rule) => faults.push(Fault::pointer(format!("/targets/{n}"), rule)),
        }
    }
    faults.or((read, seconds))
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
            Err(problem) => ("failed", Some(problem.detail().to_owned())),
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

    fn faults(text: &str) -> Vec<String> {
        let invalid = read(text.as_bytes()).unwrap_err();
        invalid.faults().iter().map(ToString::to_string).collect()
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
        assert_eq!(self::faults("{}").len(), 1);
        assert_eq!(self::faults(r#"{"targets":[]}"#).len(), 1);
        assert_eq!(self::faults(r#"{"targets":["/v1/genres"],"minutes":3}"#).len(), 1);
    }

    #[test]
    fn a_campaign_ends_and_a_longer_one_is_not_cut_short() {
        let (targets, seconds) = read(br#"{"targets":["/v1/genres","/v1/genres"]}"#).unwrap();
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
