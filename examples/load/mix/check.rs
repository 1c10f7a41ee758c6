//! What an answer must be, whoever gives it.
//!
//! | rule | |
//! |---|---|
//! | status | 200; 304 where the tag that was sent is good; 2xx of its kind for a write |
//! | tag | of one URL, a tag stands for the same bytes, and other bytes have another tag |
//! | not modified | a 304 names the tag that was sent |
//! | bound | `Catalog-Revision` has every write that was acknowledged the bound before the request was sent |
//! | cap | with the stale mark, every write acknowledged as long ago as the cap |
//! | own writes | a replica that acknowledged a write has it in every later answer, searches apart |
//! | no way back | revisions of one replica do not go back; those of its index are a sequence of their own |
//! | at least | `Min-Catalog-Revision` |
//! | version | a movie has the version of the last write that the answer's revision includes |
//!
//! Instants count against the service: a request is sent at the instant before, and a write is acknowledged
//! at the instant after its answer.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher as _,
    time::{Duration, Instant},
};

use foldhash::fast::FixedState;
use serde_json::{Value, json};

use crate::http::Answer;

use super::{
    class::Class,
    writes::{Write, member},
};

/// Replicas that are told apart.
const REPLICAS: usize = 8;
/// Findings that are kept whole.
const KEPT: usize = 20;

/// What was asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) class: Class,
    /// The URL, where it is one of those that come again.
    pub(super) target: Option<usize>,
    /// The movie, where it is one.
    pub(super) id: Option<u64>,
    /// `Min-Catalog-Revision`.
    pub(super) at_least: Option<u64>,
    /// `If-None-Match`.
    pub(super) tag: Option<Box<[u8]>>,
}

/// What an answer must include, as of the instant before its request is sent.
#[derive(Debug)]
pub(super) struct Before {
    bound: u64,
    cap: u64,
    at_least: u64,
    floors: [Floor; REPLICAS],
}

/// The revisions that a replica has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Floor {
    catalogue: u64,
    index: u64,
}

/// The last answer of a URL.
#[derive(Debug, Clone, Default)]
struct Seen {
    tag: Box<[u8]>,
    body: u64,
}

/// Judges answers by what was answered before.
#[derive(Debug)]
pub(super) struct Checker {
    bound: Duration,
    cap: Duration,
    /// The highest revision that was acknowledged by then.
    log: Vec<(Instant, u64)>,
    replicas: Vec<Box<[u8]>>,
    floors: [Floor; REPLICAS],
    seen: Vec<Seen>,
    /// The versions that our writes made of a movie, with their revisions.
    versions: HashMap<u64, Vec<(u64, u64)>>,
    hasher: FixedState,
    checked: u64,
    marked: u64,
    versions_checked: u64,
    /// The oldest acknowledged write that an unmarked answer lacked.
    oldest_lacked: Duration,
    broken: BTreeMap<&'static str, u64>,
    findings: Vec<String>,
}

impl Checker {
    pub(super) fn new(bound: Duration, cap: Duration, urls: usize) -> Self {
        Self {
            bound,
            cap,
            log: Vec::new(),
            replicas: Vec::new(),
            floors: Default::default(),
            seen: vec![Seen::default(); urls],
            versions: HashMap::new(),
            hasher: FixedState::default(),
            checked: 0,
            marked: 0,
            versions_checked: 0,
            oldest_lacked: Duration::ZERO,
            broken: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// The tag that a URL was last seen with.
    pub(super) fn tag(&self, target: usize) -> Option<&[u8]> {
        Some(&*self.seen[target].tag).filter(|tag| !tag.is_empty())
    }

    /// The highest revision that was acknowledged.
    pub(super) fn written(&self) -> Option<u64> {
        self.log.last().map(|(_, revision)| *revision)
    }

    /// What an answer to a request that is sent now must include.
    pub(super) fn before(&self, at_least: Option<u64>, now: Instant) -> Before {
        let by = |age| now.checked_sub(age).map_or(0, |then| self.acknowledged_by(then));
        Before {
            bound: by(self.bound),
            cap: by(self.cap),
            at_least: at_least.unwrap_or(0),
            floors: self.floors,
        }
    }

    fn acknowledged_by(&self, then: Instant) -> u64 {
        let later = self.log.partition_point(|(at, _)| *at <= then);
        later.checked_sub(1).map_or(0, |last| self.log[last].1)
    }

    /// Judges the answer to a read. `in_flight`: whether the movie is being written just now.
    pub(super) fn judge(
        &mut self,
        asked: &Asked,
        before: &Before,
        answer: &Answer<'_>,
        in_flight: bool,
    ) {
        self.checked += 1;
        let expected = match answer.status {
            200 => true,
            304 => asked.tag.is_some(),
            _ => false,
        };
        if !expected {
            self.break_rule("status", || {
                let body = String::from_utf8_lossy(answer.body);
                let text: String = body.chars().take(200).collect();
                format!("{}: {} {text}", asked.class.name(), answer.status)
            });
            return;
        }
        self.judge_tag(asked, answer);
        let Some(revision) = answer.revision else {
            self.break_rule("a revision is told", || asked.class.name().to_owned());
            return;
        };
        self.judge_revision(asked, before, answer, revision);
        if let Some(id) = asked.id.filter(|_| answer.status == 200) {
            self.judge_version(id, revision, answer.body, in_flight);
        }
    }

    fn judge_tag(&mut self, asked: &Asked, answer: &Answer<'_>) {
        let Some(target) = asked.target else { return };
        if answer.etag.is_empty() {
            self.break_rule("tag", || format!("{}: there is none", asked.class.name()));
            return;
        }
        let seen = &self.seen[target];
        if answer.status == 304 {
            if asked.tag.as_deref() != Some(answer.etag) {
                let tag = String::from_utf8_lossy(answer.etag).into_owned();
                self.break_rule("not modified", || format!("{tag} was not asked for"));
            }
            return;
        }
        let body = self.hasher.hash_one(answer.body);
        let (same_tag, same_body) = (*seen.tag == *answer.etag, seen.body == body);
        if !seen.tag.is_empty() && same_tag != same_body {
            let tag = String::from_utf8_lossy(answer.etag).into_owned();
            self.break_rule("tag", || {
                let what = if same_tag {
                    "the same tag for other bytes"
                } else {
                    "another tag for the same bytes"
                };
                format!("{what}: {tag}, URL {target}")
            });
        }
        if !same_tag {
            self.seen[target] = Seen { tag: answer.etag.into(), body };
        }
    }

    fn judge_revision(
        &mut self,
        asked: &Asked,
        before: &Before,
        answer: &Answer<'_>,
        revision: u64,
    ) {
        let class = asked.class;
        if answer.is_marked() {
            self.marked += 1;
            if revision < before.cap {
                self.break_rule("cap", || format!("{}: {revision} < {}", class.name(), before.cap));
            }
        } else {
            self.note_lack(revision);
            if revision < before.bound {
                let bound = before.bound;
                self.break_rule("bound", || format!("{}: {revision} < {bound}", class.name()));
            }
        }
        if revision < before.at_least {
            let least = before.at_least;
            self.break_rule("at least", || format!("{}: {revision} < {least}", class.name()));
        }
        let Some(replica) = self.replica(answer.served_by) else { return };
        let (floor, now) = (before.floors[replica], &mut self.floors[replica]);
        let (shown, now) = if class.is_of_the_index() {
            (floor.index, &mut now.index)
        } else {
            (floor.catalogue, &mut now.catalogue)
        };
        *now = (*now).max(revision);
        if revision < shown {
            self.break_rule("no way back", || {
                format!("{} of replica {replica}: {revision} after {shown}", class.name())
            });
        }
    }

    /// Notes how old the oldest acknowledged write is that an answer of this revision lacks.
    fn note_lack(&mut self, revision: u64) {
        if self.written().is_some_and(|written| revision < written) {
            let first = self.log.partition_point(|(_, written)| *written <= revision);
            self.oldest_lacked = self.oldest_lacked.max(self.log[first].0.elapsed());
        }
    }

    fn judge_version(&mut self, id: u64, revision: u64, body: &[u8], in_flight: bool) {
        let Some(written) = self.versions.get(&id) else { return };
        let included = written.partition_point(|(at, _)| *at <= revision);
        let least = included.checked_sub(1).map_or(0, |last| written[last].1);
        let most = written.last().map_or(0, |(_, version)| *version) + u64::from(in_flight);
        self.versions_checked += 1;
        match member(body, "version") {
            Some(version) if (least..=most).contains(&version) => {}
            version => self.break_rule("version", || {
                format!("movie {id} at {revision}: {version:?}, not from {least} to {most}")
            }),
        }
    }

    /// Judges the answer to a write, and remembers what was written.
    pub(super) fn judge_write(&mut self, write: &Write, answer: &Answer<'_>) {
        self.checked += 1;
        if answer.status != write.status() {
            let status = answer.status;
            let text = String::from_utf8_lossy(answer.body).into_owned();
            self.break_rule("status", || format!("{write:?}: {status} {text}"));
            return;
        }
        let Some(revision) = answer.revision else {
            self.break_rule("a revision is told", || format!("{write:?}"));
            return;
        };
        if self.written().is_none_or(|written| written < revision) {
            self.log.push((Instant::now(), revision));
        }
        if let Some(replica) = self.replica(answer.served_by) {
            let floor = &mut self.floors[replica].catalogue;
            *floor = (*floor).max(revision);
        }
        if let (Write::Change { id, .. }, Some(version)) = (write, member(answer.body, "version")) {
            // The answer's revision may be of a later write than this one, which is then asked for less.
            self.versions.entry(*id).or_default().push((revision, version));
        }
    }

    /// The number of a replica; none without a load balancer that names it.
    fn replica(&mut self, name: &[u8]) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let known = self.replicas.iter().position(|known| **known == *name);
        known
            .or_else(|| {
                self.replicas.push(name.into());
                Some(self.replicas.len() - 1)
            })
            .filter(|replica| *replica < REPLICAS)
    }

    fn break_rule(&mut self, rule: &'static str, detail: impl FnOnce() -> String) {
        *self.broken.entry(rule).or_default() += 1;
        if self.findings.len() < KEPT {
            let finding = format!("{rule}: {}", detail());
            eprintln!("load: {finding}"); // a long run may not get to its end
            self.findings.push(finding);
        }
    }

    /// How many answers broke a rule.
    pub(super) fn broken(&self) -> u64 {
        self.broken.values().sum()
    }

    pub(super) fn found(&self) -> Value {
        json!({
            "checked": self.checked,
            "marked": self.marked,
            "versions_checked": self.versions_checked,
            "replicas": self.replicas.len(),
            "oldest_lacked_ms": self.oldest_lacked.as_secs_f64() * 1e3,
            "broken": self.broken,
            "findings": self.findings,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::mix::writes::Change;

    use super::*;

    const BOUND: Duration = Duration::from_secs(1);

    fn checker() -> Checker {
        Checker::new(BOUND, Duration::from_mins(5), 2)
    }

    fn answer(revision: u64, body: &'static [u8]) -> Answer<'static> {
        let etag = if body.is_empty() { b"" } else { &body[..1] };
        let cache_status = b"marquee-l1; hit";
        Answer { status: 200, etag, revision: Some(revision), cache_status, served_by: b"a", body }
    }

    fn item() -> Asked {
        Asked { class: Class::Item, target: Some(0), id: Some(7), at_least: None, tag: None }
    }

    fn written(checker: &mut Checker, revision: u64, body: &'static [u8]) {
        checker
            .judge_write(&Write::Change { id: 7, to: Change::Votes(1) }, &answer(revision, body));
    }

    fn broken(checker: &Checker) -> Vec<&'static str> {
        checker.broken.keys().copied().collect()
    }

    #[test]
    fn an_answer_that_lacks_a_write_older_than_the_bound_breaks_it() {
        let mut checker = checker();
        written(&mut checker, 5, br#"{"version":2}"#);
        let now = checker.log[0].0;
        let other = |checker: &mut Checker, revision, after| {
            let before = checker.before(None, now + after);
            let asked =
                Asked { class: Class::List, target: None, id: None, at_least: None, tag: None };
            let mut answer = answer(revision, b"x");
            answer.served_by = b"b";
            checker.judge(&asked, &before, &answer, false);
        };
        other(&mut checker, 3, Duration::from_millis(999));
        assert_eq!(broken(&checker), [""; 0]);
        other(&mut checker, 4, BOUND);
        assert_eq!(broken(&checker), ["bound"]);
    }

    #[test]
    fn a_replica_shows_its_own_writes_and_does_not_go_back() {
        let mut checker = checker();
        written(&mut checker, 5, br#"{"version":2}"#);
        let before = checker.before(None, Instant::now());
        checker.judge(&item(), &before, &answer(4, br#"{"version":1}"#), false);
        assert_eq!(broken(&checker), ["no way back"]);
    }

    #[test]
    fn an_index_has_revisions_of_its_own() {
        let mut checker = checker();
        written(&mut checker, 5, br#"{"version":2}"#);
        let asked =
            Asked { class: Class::Search, target: None, id: None, at_least: None, tag: None };
        for (revision, rules) in [(4, &[][..]), (5, &[]), (4, &["no way back"])] {
            let before = checker.before(None, Instant::now());
            checker.judge(&asked, &before, &answer(revision, b"x"), false);
            assert_eq!(broken(&checker), rules);
        }
    }

    #[test]
    fn a_tag_stands_for_the_same_bytes_and_other_bytes_have_another() {
        let mut checker = checker();
        let list =
            Asked { class: Class::List, target: Some(1), id: None, at_least: None, tag: None };
        let mut judge = |body| {
            let before = checker.before(None, Instant::now());
            checker.judge(&list, &before, &answer(1, body), false);
            checker.broken()
        };
        assert_eq!((judge(b"ax"), judge(b"ax"), judge(b"bx")), (0, 0, 0));
        assert_eq!(judge(b"by"), 1);
    }

    #[test]
    fn a_movie_has_the_version_of_the_last_write_that_is_included() {
        let mut checker = checker();
        written(&mut checker, 5, br#"{"version":2}"#);
        written(&mut checker, 8, br#"{"version":3}"#);
        let mut judge = |revision, body, in_flight| {
            checker.floors = Default::default();
            let before = checker.before(None, Instant::now());
            checker.judge(&item(), &before, &answer(revision, body), in_flight);
            checker.broken()
        };
        assert_eq!(judge(7, br#"{"a":1,"version":2}"#, false), 0);
        assert_eq!(judge(9, br#"{"b":1,"version":3}"#, false), 1, "the tag is the same");
        assert_eq!(judge(9, br#" {"version":4}"#, true), 1);
        assert_eq!(judge(9, br#"-{"version":2}"#, false), 2, "an old version");
        assert_eq!(judge(9, br#"+{"version":4}"#, false), 3, "one that nobody wrote");
    }

    #[test]
    fn only_who_asks_may_be_told_that_nothing_was_modified() {
        let mut checker = checker();
        let mut asked = item();
        let before = checker.before(None, Instant::now());
        let mut not_modified = answer(1, b"x");
        not_modified.status = 304;
        checker.judge(&asked, &before, &not_modified, false);
        assert_eq!(broken(&checker), ["status"]);
        asked.tag = Some((*b"x").into());
        checker.judge(&asked, &before, &not_modified, false);
        assert_eq!(checker.broken(), 1);
        asked.tag = Some((*b"y").into());
        checker.judge(&asked, &before, &not_modified, false);
        assert_eq!(broken(&checker), ["not modified", "status"]);
    }
}
