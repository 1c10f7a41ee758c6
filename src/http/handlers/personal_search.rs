//! `GET /v1/search?personalize=true`: a page of a search, its rows ranked anew for who asks.
//!
//! The page itself is the one that everybody is given, from the cache. Its rows change places, and nothing else
//! of it changes: so cursors go on to lead where they led, and no row is lost or comes twice.

use hyper::header::{self, HeaderValue};

use crate::{
    domain::{activity::UserId, field::Field, movie::MovieId, search::SearchQuery},
    service::{activity::Shown, recommend::Recommender},
};

use super::super::{
    cached,
    call::Call,
    class::Class,
    error::Problem,
    finished::Finished,
    personal::{self, Standing},
    query::Query,
    response::{Answer, JSON},
    rows,
};

/// The page that a search is, for a user, if it is known who that is.
pub(super) async fn answer(
    call: &Call<'_>,
    query: SearchQuery,
    user: Option<&UserId>,
) -> Result<Answer, Problem> {
    let has_id = query.fields.contains(Field::Id);
    let asked = query.canonical();
    let with_id = SearchQuery { fields: query.fields.with(Field::Id), ..query };
    let at_least = cached::at_least(&call.parts.headers)?;
    let query = Query::Search(Box::new(with_id));
    let found = call.api.cache.look(query, call.api, at_least).await?;
    let page = &found.entry.payload;
    let (body, movies) = ranked(&page.body, has_id, user, &call.api.recommender).await?;
    let mut answer = Finished::bytes(Class::Recommendation, JSON, body);
    if let Some(shown) = page.shown.as_deref() {
        answer = answer.showing(Shown { movies, ..shown.clone() });
    }
    if let Some((_, link)) = page.headers.iter().find(|(name, _)| *name == header::LINK) {
        let fields = asked.split('&').find(|pair| pair.starts_with(FIELDS)).filter(|_| !has_id);
        answer = answer.with(header::LINK, personalized(link, fields));
    }
    let standing = Standing { revision: found.revision, unverified: found.unverified };
    Ok(personal::answer(answer, standing))
}

/// The bytes of a page with its rows in the order for a user, and without ids where nobody asked for them; and
/// the movies in that order.
async fn ranked(
    page: &[u8],
    has_id: bool,
    user: Option<&UserId>,
    recommender: &Recommender,
) -> Result<(Vec<u8>, Vec<MovieId>), Problem> {
    let found = rows::rows(page).and_then(|(rows, end)| {
        let rows = rows.into_iter().map(|row| {
            let row = &page[row];
            let (id, rest) = rows::id(row)?;
            Some((MovieId::new(id)?, row, rest))
        });
        Some((rows.collect::<Option<Vec<_>>>()?, end))
    });
    // A page is written by this program, so it has rows, and they have ids.
    let Some((rows, end)) = found else { return Err(Problem::internal()) };
    let ids: Vec<MovieId> = rows.iter().map(|(id, ..)| *id).collect();
    let places = match user {
        Some(user) => recommender.rank(user, &ids).await?,
        None => (0..ids.len()).collect(),
    };
    let mut body = Vec::with_capacity(page.len());
    body.extend_from_slice(br#"{"data":["#);
    let mut movies = Vec::with_capacity(ids.len());
    for (n, place) in places.into_iter().enumerate() {
        movies.push(ids[place]);
        if n > 0 {
            body.push(b',');
        }
        let (_, row, rest) = rows[place];
        if has_id {
            body.extend_from_slice(row);
        } else {
            body.push(b'{');
            body.extend_from_slice(rest);
        }
    }
    body.extend_from_slice(&page[end..]);
    Ok((body, movies))
}

const FIELDS: &str = "fields=";

/// The pages beside this one, ranked anew as well; with these fields, where that page was read with others.
fn personalized(link: &HeaderValue, fields: Option<&str>) -> HeaderValue {
    let (mut text, mut more) = (String::new(), String::new());
    for (n, pair) in link.to_str().unwrap_or_default().split('&').enumerate() {
        if fields.is_some() && pair.starts_with(FIELDS) {
            // What follows a target's last pair.
            text.push_str(pair.find('>').map_or("", |end| &pair[end..]));
        } else {
            text.push_str(if n > 0 { "&" } else { "" });
            text.push_str(pair);
        }
    }
    for pair in fields.into_iter().chain(["personalize=true"]) {
        more.push('&');
        more.push_str(pair);
    }
    let text = text.replace(">; rel=", &format!("{more}>; rel="));
    HeaderValue::try_from(text).unwrap_or_else(|_| link.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_that_are_ranked_anew() {
        let link = HeaderValue::from_static(
            "</v1/search?q=a&cursor=x>; rel=\"next\", </v1/search?q=a>; rel=\"first\"",
        );
        assert_eq!(
            personalized(&link, None),
            "</v1/search?q=a&cursor=x&personalize=true>; rel=\"next\", \
             </v1/search?q=a&personalize=true>; rel=\"first\""
        );
        let link = HeaderValue::from_static(
            "</v1/search?q=a&cursor=x&fields=id%2Ctitle>; rel=\"next\", </v1/search?q=a&fields=id%2Ctitle&facets=genre>; rel=\"first\"",
        );
        assert_eq!(
            personalized(&link, Some("fields=title")),
            "</v1/search?q=a&cursor=x&fields=title&personalize=true>; rel=\"next\", \
             </v1/search?q=a&facets=genre&fields=title&personalize=true>; rel=\"first\""
        );
    }
}
