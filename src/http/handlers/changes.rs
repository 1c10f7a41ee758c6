//! `GET /v1/changes`: the change feed.

use std::sync::Arc;

use hyper::header::HeaderValue;
use serde::Serialize;

use crate::{
    domain::{
        change::Change,
        invalid::{Fault, Invalid},
        movie::MovieId,
        parameters::{Parameters, integer},
        revision::{AsOf, Revision},
    },
    service::catalogue::Catalogue,
};

use super::super::{
    call::Call,
    class::Class,
    error::Problem,
    finished::Finished,
    params,
    response::{Answer, CATALOG_REVISION},
};

/// Most changes of a page.
pub(crate) const LIMIT_MAX: u32 = 10_000;
/// Changes of a page unless asked otherwise.
pub(crate) const LIMIT_DEFAULT: u32 = 1_000;

/// A page of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Query {
    since: Revision,
    limit: u32,
}

#[derive(Serialize)]
struct List {
    data: Vec<Row>,
    page: Page,
    revision: Revision,
}

#[derive(Serialize)]
struct Row {
    revision: Revision,
    id: Option<MovieId>,
    kind: &'static str,
}

#[derive(Serialize)]
struct Page {
    limit: u32,
    /// The `since` of the next page; null at the feed's end.
    next: Option<Revision>,
}

pub(crate) async fn list(call: Call<'_>) -> Result<Answer, Problem> {
    let query = params::read(call.query(), Query::from_pairs)?;
    call.caught_up().await?;
    Ok(Answer::Read(Arc::new(load(&call.api.catalogue, query).await?)))
}

async fn load(catalogue: &Catalogue, query: Query) -> Result<Finished, Problem> {
    let changes = catalogue.changes(query.since, query.limit).await?;
    if query.since > changes.revision {
        let detail = format!("must not be above the current revision {}", changes.revision);
        return Err(Problem::parameters(&Invalid::one(Fault::parameter("since", detail))));
    }
    Ok(render(query, &changes))
}

fn render(query: Query, changes: &AsOf<Vec<Change>>) -> Finished {
    let end = changes.value.last().map(|change| change.revision);
    let row = |change: &Change| Row {
        revision: change.revision,
        id: change.id,
        kind: change.kind.as_str(),
    };
    let list = List {
        data: changes.value.iter().map(row).collect(),
        page: Page { limit: query.limit, next: end.filter(|end| *end < changes.revision) },
        revision: changes.revision,
    };
    Finished::json(Class::Feed, &list)
        .with(CATALOG_REVISION, HeaderValue::from(changes.revision.get()))
}

impl Query {
    fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let must = "a revision: an integer from 0 on";
        let since = p.one("since").map(|text| integer(&text).and_then(Revision::new));
        match since {
            None => p.fault("since", "is required: the last revision that you know, or 0"),
            Some(None) => p.fault("since", format!("must be {must}")),
            Some(Some(_)) => {}
        }
        let limit = p
            .parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
                integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
            })
            .unwrap_or(LIMIT_DEFAULT);
        parameters.finish(Self { since: since.flatten().unwrap_or_default(), limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::ChangeKind;

    fn query(pairs: &[(&str, &str)]) -> Result<Query, Invalid> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Query::from_pairs(pairs.iter().map(owned).collect())
    }

    #[test]
    fn since_is_required_and_faults_come_together() {
        assert_eq!(
            query(&[("since", "0")]),
            Ok(Query { since: Revision::ZERO, limit: LIMIT_DEFAULT })
        );
        assert!(query(&[]).is_err());
        let invalid = query(&[("since", "-1"), ("limit", "0"), ("x", "")]).unwrap_err();
        assert_eq!(invalid.faults().len(), 3, "{invalid}");
    }

    #[test]
    fn next_is_the_last_revision_until_the_end_is_reached() {
        let at = |n| Revision::new(n).unwrap();
        let change = |n| Change { revision: at(n), id: MovieId::new(n), kind: ChangeKind::Created };
        let text = |head, changes: Vec<Change>| {
            let changes = AsOf { revision: at(head), value: changes };
            let found = render(Query { since: at(0), limit: 2 }, &changes);
            String::from_utf8(found.body.to_vec()).unwrap()
        };
        assert_eq!(
            text(3, vec![change(1), change(2)]),
            r#"{"data":[{"revision":1,"id":1,"kind":"created"},{"revision":2,"id":2,"kind":"created"}],"page":{"limit":2,"next":2},"revision":3}"#
        );
        assert!(text(2, vec![change(1), change(2)]).contains(r#""next":null"#));
        assert!(text(0, vec![]).contains(r#""data":[],"page":{"limit":2,"next":null}"#));
    }
}
