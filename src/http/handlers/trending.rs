//! `GET /v1/trending`: what many people look at, of late.
//!
//! The answer is that of a minute: it is made once in a minute for each question, and kept for the rest of
//! it.

use serde::Serialize;

use crate::{
    cache::entry::Within,
    domain::{
        activity::TrendingAsk,
        clock::Moment,
        field::FieldSet,
        movie::Movie,
        movie_json::MovieView,
        revision::{AsOf, Revision},
    },
};

use super::super::{
    call::Call, class::Class, error::Problem, finished::Finished, params, query::Query,
    response::Answer,
};

/// The path of what is trending.
pub(crate) const PATH: &str = "/v1/trending";
/// For how long an answer is that of now.
const MINUTE_MS: i64 = 60_000;

#[derive(Serialize)]
struct List<'a> {
    window: &'a str,
    at: String,
    data: Vec<Row<'a>>,
    revision: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    movie: MovieView<'a>,
    score: f64,
}

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = read(call.query())?;
    let now = call.api.catalogue.known().clock().now();
    Ok(Answer::Kept(Query::Trending { ask, at: beginning(now) }))
}

/// Reads what is asked for.
pub(crate) fn read(query: Option<&str>) -> Result<TrendingAsk, Problem> {
    params::read(query, TrendingAsk::from_pairs)
}

/// The first moment of a moment's minute.
fn beginning(at: Moment) -> Moment {
    Moment::from_unix_ms(at.unix_ms().div_euclid(MINUTE_MS) * MINUTE_MS)
}

/// The minute that begins then.
pub(crate) fn minute(at: Moment) -> Within {
    Within { from: Some(at), until: Some(Moment::from_unix_ms(at.unix_ms() + MINUTE_MS)) }
}

/// The answer that these movies are. Scores are shares of the first one's: what they count is nobody's
/// business.
pub(crate) fn render(ask: &TrendingAsk, at: Moment, found: &AsOf<Vec<(Movie, f64)>>) -> Finished {
    let most = found.value.first().map_or(1.0, |(_, score)| *score);
    let fields = FieldSet::of_lists();
    let data = found.value.iter().map(|(movie, score)| Row {
        movie: MovieView::new(movie, fields),
        score: (score / most * 1000.0).round() / 1000.0,
    });
    let list = List {
        window: ask.window.as_str(),
        at: at.to_string(),
        data: data.collect(),
        revision: found.revision,
    };
    Finished::json(Class::List, &list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_that_of_a_minute() {
        let at = |text: &str| Moment::parse(text).unwrap();
        let begins = beginning(at("2026-11-24T12:34:56.789Z"));
        assert_eq!(begins, at("2026-11-24T12:34:00Z"));
        let minute = minute(begins);
        assert!(minute.has(at("2026-11-24T12:34:59.999Z")));
        assert!(!minute.has(at("2026-11-24T12:35:00Z")));
    }
}
