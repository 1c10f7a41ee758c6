//! Interactions as callers send them: read from JSON, all faults at once.

use serde_json::{Map, Number, Value};

use crate::domain::{
    clock::Moment,
    invalid::{Fault, Faults, Invalid},
    movie::MovieId,
    movie_json::pointer,
};

use super::{Signal, UserId};

/// Most interactions of one request.
pub const BATCH_MAX: usize = 500;
/// Characters of an interaction's id.
pub const EVENT_ID_MAX: usize = 64;
/// How far beyond now an interaction's time may be: clocks differ.
pub const AHEAD_MAX: std::time::Duration = std::time::Duration::from_mins(1);

/// The caller's own name for an interaction: sent twice, it counts once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId(String);

impl EventId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=EVENT_ID_MAX).contains(&text.len()) && visible).then(|| Self(text.to_owned()))
    }
}

/// Which times an interaction may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Now.
    pub now: Moment,
    /// What is older is not kept.
    pub oldest: Moment,
}

/// An interaction that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The caller's name for it.
    pub id: Option<EventId>,
    /// With which movie.
    pub movie: MovieId,
    /// What.
    pub signal: Signal,
    /// Who, where it says so itself.
    pub user: Option<UserId>,
    /// When, where it says so; else now.
    pub at: Option<Moment>,
}

/// The names of the signals that callers send; `opened` is found out by the service.
const SENT: [&str; 5] = ["view", "like", "dislike", "rating", "watched"];
const MEMBERS: [&str; 6] = ["id", "signal", "movie", "value", "user", "time"];

/// Reads an interaction.
///
/// # Errors
/// Every fault, by its JSON pointer.
pub fn read(value: &Value, limits: Limits) -> Result<Sent, Invalid> {
    let Value::Object(object) = value else {
        return Err(Invalid::one(Fault::pointer("", "must be a JSON object")));
    };
    let mut faults = Faults::default();
    let id = id(object, &mut faults);
    let movie = movie(object, &mut faults);
    let signal = signal(object, &mut faults);
    let user = user(object, &mut faults);
    let at = time(object, limits, &mut faults);
    for name in object.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let known = MEMBERS.join(", ");
        faults.pointer(pointer(name), format!("is not a member of an interaction; known: {known}"));
    }
    let read = movie.zip(signal).map(|(movie, signal)| Sent { id, movie, signal, user, at });
    // What is missing is a fault.
    faults.or(read)?.ok_or_else(|| Invalid::one(Fault::pointer("", "is not whole")))
}

fn id(object: &Map<String, Value>, faults: &mut Faults) -> Option<EventId> {
    let value = object.get("id").filter(|value| !value.is_null())?;
    let id = value.as_str().and_then(EventId::new);
    if id.is_none() {
        faults.pointer("/id", format!("must be 1 to {EVENT_ID_MAX} visible ASCII characters"));
    }
    id
}

fn movie(object: &Map<String, Value>, faults: &mut Faults) -> Option<MovieId> {
    let movie = object.get("movie").and_then(Value::as_i64).and_then(MovieId::new);
    if movie.is_none() {
        faults.pointer("/movie", "must be the id of a movie");
    }
    movie
}

fn signal(object: &Map<String, Value>, faults: &mut Faults) -> Option<Signal> {
    let name = object.get("signal").and_then(Value::as_str).unwrap_or_default();
    let value = object.get("value").filter(|value| !value.is_null());
    let signal = match name {
        "view" => Signal::View,
        "like" => Signal::Like,
        "dislike" => Signal::Dislike,
        "watched" => Signal::Watched,
        "rating" => return rating(value, faults),
        _ => {
            faults.pointer("/signal", format!("must be one of {}", SENT.join(", ")));
            return None;
        }
    };
    if value.is_some() {
        faults.pointer("/value", format!("does not go with {name}; a rating has one"));
    }
    Some(signal)
}

fn rating(value: Option<&Value>, faults: &mut Faults) -> Option<Signal> {
    let number = match value {
        Some(Value::Number(number)) => Number::as_f64(number),
        _ => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a rating has one or two digits")]
    let rating =
        number.filter(|number| (0.0..=10.0).contains(number)).map(|n| Signal::Rating(n as f32));
    if rating.is_none() {
        faults.pointer("/value", "must be a rating: a number from 0 to 10");
    }
    rating
}

fn user(object: &Map<String, Value>, faults: &mut Faults) -> Option<UserId> {
    let value = object.get("user").filter(|value| !value.is_null())?;
    let user = value.as_str().and_then(|text| text.parse().ok());
    if user.is_none() {
        faults.pointer("/user", UserId::MUST);
    }
    user
}

fn time(object: &Map<String, Value>, limits: Limits, faults: &mut Faults) -> Option<Moment> {
    let value = object.get("time").filter(|value| !value.is_null())?;
    let Some(at) = value.as_str().and_then(Moment::parse) else {
        faults.pointer("/time", "must be a time as in 2026-12-24T18:00:00Z");
        return None;
    };
    let ahead = i64::try_from(AHEAD_MAX.as_millis()).unwrap_or(i64::MAX);
    if at.unix_ms() > limits.now.unix_ms().saturating_add(ahead) {
        faults.pointer("/time", "must not be in the future");
        return None;
    }
    if at < limits.oldest {
        faults.pointer("/time", "is longer ago than interactions are kept");
        return None;
    }
    // What a fast clock told is of now at the latest.
    Some(at.min(limits.now))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits() -> Limits {
        let at = |text| Moment::parse(text).unwrap();
        Limits { now: at("2026-11-24T12:00:00Z"), oldest: at("2026-08-26T12:00:00Z") }
    }

    fn places(value: &Value) -> Vec<String> {
        let invalid = read(value, limits()).unwrap_err();
        invalid.faults().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn interactions_are_read() {
        let sent = read(
            &json!({"id": "e-1", "signal": "rating", "movie": 7, "value": 8.5, "user": "u",
                    "time": "2026-11-24T12:00:30Z"}),
            limits(),
        )
        .unwrap();
        assert_eq!(sent.signal, Signal::Rating(8.5));
        assert_eq!(sent.at, Some(limits().now), "a fast clock's now is now");
        assert_eq!((sent.id.unwrap().as_str(), sent.user.unwrap().as_str()), ("e-1", "u"));
        let plain = read(&json!({"signal": "like", "movie": 1, "value": null}), limits()).unwrap();
        assert_eq!((plain.id, plain.at, plain.user), (None, None, None));
        for name in ["view", "like", "dislike", "watched"] {
            let sent = read(&json!({"signal": name, "movie": 1}), limits()).unwrap();
            assert_eq!(sent.signal.name(), name);
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let bad = places(&json!({"id": "", "signal": "opened", "movie": 0, "user": "a b",
            "time": "2027-01-01T00:00:00Z", "x": 1}));
        let starts = ["/id: ", "/movie: ", "/signal: ", "/user: ", "/time: ", "/x: "];
        assert_eq!(bad.len(), starts.len(), "{bad:?}");
        assert!(bad.iter().zip(starts).all(|(fault, start)| fault.starts_with(start)), "{bad:?}");
        assert_eq!(places(&json!([])), ["must be a JSON object"]);
    }

    #[test]
    fn a_rating_has_a_value_from_0_to_10_and_nothing_else_has() {
        for value in [json!(null), json!(-0.1), json!(10.01), json!("8")] {
            let bad = places(&json!({"signal": "rating", "movie": 1, "value": value}));
            assert_eq!(bad, ["/value: must be a rating: a number from 0 to 10"]);
        }
        let bad = places(&json!({"signal": "like", "movie": 1, "value": 1}));
        assert!(bad[0].starts_with("/value: does not go with like"), "{bad:?}");
        for value in [0, 10] {
            let sent = json!({"signal": "rating", "movie": 1, "value": value});
            assert!(read(&sent, limits()).is_ok());
        }
    }

    #[test]
    fn times_are_within_what_is_kept() {
        let at = |time: &str| json!({"signal": "view", "movie": 1, "time": time});
        assert!(read(&at("2026-08-26T12:00:00Z"), limits()).is_ok());
        for bad in ["2026-08-26T11:59:59Z", "2026-11-24T12:01:01Z", "yesterday"] {
            assert!(places(&at(bad))[0].starts_with("/time: "), "{bad}");
        }
    }
}
