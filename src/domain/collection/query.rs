//! Saved queries: read from JSON, and written in their one canonical form.
//!
//! A query is what stands after `/v1/movies?`, or with `q`, which every search has and no list, after
//! `/v1/search?`; or an object with the same parameters.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::domain::{
    invalid::{Fault, Faults, Invalid, Place},
    list::ListQuery,
    movie_json::pointer,
    search::SearchQuery,
};

use super::CollectionQuery;

/// The parameter that makes a query a search.
const OF_SEARCHES: &str = "q";
/// Parameters that say how a page is shown, and not what is in it.
const OF_PAGES: [&str; 5] = ["cursor", "page", "fields", "highlight", "facets"];
/// Characters of a query as text.
const LENGTH_MAX: usize = 4_000;

/// Reads the query whose JSON pointer is `at`; its faults are noted in `faults`.
pub(super) fn read(at: &str, value: &Value, faults: &mut Faults) -> Option<CollectionQuery> {
    let before = faults.len();
    let (pairs, of_text) = match value {
        Value::String(text) => (pairs_of_text(at, text, faults), true),
        Value::Object(object) => (pairs_of_object(at, object, faults), false),
        _ => {
            faults.pointer(at, "must be a query: text, or an object with its parameters");
            return None;
        }
    };
    let place = |name: &str| if of_text { at.to_owned() } else { format!("{at}{}", pointer(name)) };
    let mut kept = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        if OF_PAGES.contains(&name.as_str()) {
            faults.pointer(place(&name), format!("{name} does not belong into a collection"));
        } else {
            kept.push((name, value));
        }
    }
    let query = if kept.iter().any(|(name, _)| name == OF_SEARCHES) {
        SearchQuery::from_pairs(kept).map(|query| CollectionQuery::Search(Box::new(query)))
    } else {
        ListQuery::from_pairs(kept).map(|query| CollectionQuery::List(Box::new(query)))
    };
    match query {
        Ok(query) => {
            // As it is stored, and must be read again: letters may be escaped there.
            let length = query.to_string().len();
            if length > LENGTH_MAX {
                let rule = format!("must have at most {LENGTH_MAX} characters with all escaped");
                faults.pointer(at, format!("{rule}, not {length}"));
            }
            (faults.len() == before).then_some(query)
        }
        Err(invalid) => {
            for fault in moved(&invalid, of_text, place) {
                faults.push(fault);
            }
            None
        }
    }
}

/// Faults of parameters, as faults of the document that they stand in.
fn moved(invalid: &Invalid, of_text: bool, place: impl Fn(&str) -> String) -> Vec<Fault> {
    let moved = |fault: &Fault| match &fault.place {
        Place::Parameter(name) if of_text => {
            Fault::pointer(place(name), format!("{name} {}", fault.detail))
        }
        Place::Parameter(name) => Fault::pointer(place(name), fault.detail.clone()),
        Place::Pointer(_) | Place::Header(_) => fault.clone(),
    };
    invalid.faults().iter().map(moved).collect()
}

fn pairs_of_text(at: &str, text: &str, faults: &mut Faults) -> Vec<(String, String)> {
    if text.len() > LENGTH_MAX {
        faults.pointer(at, format!("must have at most {LENGTH_MAX} characters"));
        return Vec::new();
    }
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => pairs.push((name, value)),
            _ => faults.pointer(at, format!("{name} has a bad percent-escape or is not UTF-8")),
        }
    }
    pairs
}

fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let escaped = |n: usize| bytes.get(n).is_some_and(u8::is_ascii_hexdigit);
    let mut percents = text.match_indices('%');
    if !percents.all(|(n, _)| escaped(n + 1) && escaped(n + 2)) {
        return None;
    }
    let spaced =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

fn pairs_of_object(
    at: &str,
    object: &Map<String, Value>,
    faults: &mut Faults,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let texts: Option<Vec<String>> = values.iter().map(text).collect();
        match texts {
            None => faults.pointer(
                format!("{at}{}", pointer(name)),
                "must be text, a number, or a list of those",
            ),
            // Their parameter takes one list, with commas; the others are given more than once.
            Some(texts) if name == "ids" => pairs.push((name.clone(), texts.join(","))),
            Some(texts) => pairs.extend(texts.into_iter().map(|text| (name.clone(), text))),
        }
    }
    pairs
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl std::fmt::Display for CollectionQuery {
    /// What stands after `/v1/movies?` or `/v1/search?`, in canonical form.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::List(query) => f.write_str(&query.canonical()),
            Self::Search(query) => f.write_str(&query.canonical()),
        }
    }
}
