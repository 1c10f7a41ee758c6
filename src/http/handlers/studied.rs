//! `GET /v1/searches/popular` and `GET /v1/searches/empty`: what people look for, for editors.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::domain::activity::{SearchStudied, SearchesAsk, Studied};

use super::super::{
    call::Call, class::Class, error::Problem, finished::Finished, params, response::Answer,
};

#[derive(Serialize)]
struct List {
    days: u16,
    clients_min: u32,
    data: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    q: String,
    query: String,
    searches: u64,
    clients: u32,
    hits: u64,
    opened: u64,
    position: Option<f64>,
}

pub(crate) async fn popular(call: Call<'_>) -> Result<Answer, Problem> {
    studied(call, Studied::Popular).await
}

pub(crate) async fn empty(call: Call<'_>) -> Result<Answer, Problem> {
    studied(call, Studied::Empty).await
}

async fn studied(call: Call<'_>, what: Studied) -> Result<Answer, Problem> {
    let ask = params::read(call.query(), SearchesAsk::from_pairs)?;
    let found = call.api.activity.studied(what, ask).await?;
    let data = found.into_iter().map(row).collect();
    let list = List { days: ask.days, clients_min: SearchesAsk::CLIENTS_MIN, data };
    Ok(Answer::Read(Arc::new(Finished::json(Class::Study, &list))))
}

fn row(found: SearchStudied) -> Row {
    let SearchStudied { query, searches, clients, hits, opened, position } = found;
    let q = query.split('&').find_map(|pair| pair.strip_prefix("q=")).unwrap_or_default();
    let q = percent_decode_str(q).decode_utf8_lossy().into_owned();
    let position = position.map(|position| (position * 100.0).round() / 100.0);
    Row { q, query, searches, clients, hits, opened, position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_there_to_be_read_and_the_query_to_be_asked() {
        let found = SearchStudied {
            query: "q=blade%20runner&genre=sci-fi".into(),
            searches: 9,
            clients: 6,
            hits: 1,
            opened: 3,
            position: Some(4.0 / 3.0),
        };
        let row = row(found);
        assert_eq!((row.q.as_str(), row.position), ("blade runner", Some(1.33)));
    }
}
