//! `GET /v1/suggest`: what a text that is being typed may become.

use serde::Serialize;

use crate::domain::{
    movie::MovieId,
    revision::{AsOf, Revision},
    suggest::{SuggestQuery, Suggestion},
};

use super::super::{
    call::Call, class::Class, error::Problem, finished::Finished, params, query::Query,
    response::Answer,
};

/// The path of suggestions.
pub(crate) const PATH: &str = "/v1/suggest";

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Row<'a>>,
    revision: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MovieId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<i16>,
}

pub(crate) fn suggest(call: &Call<'_>) -> Result<Answer, Problem> {
    let query = read(call.query())?;
    call.api.catalogue.may_suggest()?;
    Ok(Answer::Kept(query))
}

/// Reads what is asked for.
pub(crate) fn read(query: Option<&str>) -> Result<Query, Problem> {
    Ok(Query::Suggest(params::read(query, SuggestQuery::from_pairs)?))
}

/// The answer that suggestions are.
pub(crate) fn render(found: &AsOf<Vec<Suggestion>>) -> Finished {
    let list = List { data: found.value.iter().map(Row::of).collect(), revision: found.revision };
    Finished::json(Class::Search, &list)
}

impl<'a> Row<'a> {
    fn of(one: &'a Suggestion) -> Self {
        Self { kind: one.kind.name(), text: &one.text, id: one.id, year: one.year }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::suggest::Kind;

    #[test]
    fn movies_have_an_id_and_people_a_name() {
        let movie = Suggestion {
            kind: Kind::Movie,
            text: "Alien".to_owned(),
            id: MovieId::new(5),
            year: Some(1979),
        };
        let person =
            Suggestion { kind: Kind::Person, text: "Alice Guy".to_owned(), id: None, year: None };
        let found = AsOf { revision: Revision::new(7).unwrap(), value: vec![movie, person] };
        assert_eq!(
            String::from_utf8(render(&found).body.to_vec()).unwrap(),
            r#"{"data":[{"kind":"movie","text":"Alien","id":5,"year":1979},{"kind":"person","text":"Alice Guy"}],"revision":7}"#
        );
    }
}
