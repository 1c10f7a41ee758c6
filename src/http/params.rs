//! The query string, decoded strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::domain::{
    invalid::{Faults, Invalid},
    parameters::Parameters,
};

use super::error::Problem;

/// Most parameters of a request.
const PAIRS_MAX: usize = 100;

/// The `name=value` pairs of a query string (`application/x-www-form-urlencoded`).
///
/// # Errors
/// 400 for too many pairs, and for bad escapes and bad UTF-8, naming the parameters.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let Some(query) = query else { return Ok(Vec::new()) };
    let mut faults = Faults::default();
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == PAIRS_MAX {
            faults.parameter("", format!("at most {PAIRS_MAX} parameters"));
            break;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => pairs.push((name, value)),
            (decoded, _) => {
                let name = decoded.unwrap_or_else(|| name.to_owned());
                faults.parameter(name, "has a bad percent-escape or is not UTF-8");
            }
        }
    }
    faults.or(pairs).map_err(|invalid| Problem::parameters(&invalid))
}

/// Reads the query of an operation with `read`.
///
/// # Errors
/// 400 with every fault.
pub(super) fn read<T>(
    query: Option<&str>,
    read: impl FnOnce(Vec<(String, String)>) -> Result<T, Invalid>,
) -> Result<T, Problem> {
    read(pairs(query)?).map_err(|invalid| Problem::parameters(&invalid))
}

/// Checks that an operation without parameters was given none.
///
/// # Errors
/// 400 with every fault.
pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
    match query {
        None | Some("") => Ok(()),
        query => read(query, |pairs| Parameters::new(pairs).finish(())),
    }
}

fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let escaped = |n: usize| bytes.get(n).is_some_and(u8::is_ascii_hexdigit);
    let whole = |(n, _): (usize, char)| escaped(n + 1) && escaped(n + 2);
    if !text.char_indices().filter(|(_, c)| *c == '%').all(whole) {
        return None;
    }
    let spaced =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_is_a_space_and_escapes_are_utf_8() {
        let given = pairs(Some("genre=Film+Noir&director=C%C3%A9line%2B&&flag&x=a=b")).unwrap();
        let expected =
            [("genre", "Film Noir"), ("director", "Céline+"), ("flag", ""), ("x", "a=b")];
        assert_eq!(given, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(pairs(None).unwrap().is_empty());
    }

    #[test]
    fn bad_escapes_name_their_parameters() {
        let problem = pairs(Some("a=%zz&b=%f&c=%ff&d=1&%=2&e=%")).unwrap_err();
        let names: Vec<String> = problem.faults().iter().map(ToString::to_string).collect();
        let starts = ["a:", "b:", "c:", "%:", "e:"];
        assert_eq!(names.len(), starts.len(), "{names:?}");
        assert!(names.iter().zip(starts).all(|(name, start)| name.starts_with(start)), "{names:?}");
    }

    #[test]
    fn a_hundred_pairs_are_enough() {
        assert!(pairs(Some(&"a=1&".repeat(100))).is_ok());
        assert!(pairs(Some(&"a=1&".repeat(101))).is_err());
    }

    #[test]
    fn operations_without_parameters_take_none() {
        assert!(none(None).is_ok());
        assert!(none(Some("")).is_ok());
        assert!(none(Some("a=1")).is_err());
    }
}
