//! `GET /v1/recommendations`: what somebody may want to see.

use serde::Serialize;

use crate::{
    domain::{
        field::FieldSet, model::ModelVersion, movie::MovieId, movie_json::MovieView,
        recommend::Choice, revision::Revision,
    },
    service::recommend::{OnShelf, Recommendations, Recommended},
};

use super::super::{
    call::Call,
    class::Class,
    error::Problem,
    finished::Finished,
    params,
    personal::{self, Asked},
    response::Answer,
    user,
};

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Row<'a>>,
    model: Option<ModelVersion>,
    revision: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    movie: MovieView<'a>,
    source: &'static str,
    because: Option<Because<'a>>,
}

/// The movie of the user's that says most for a row.
#[derive(Serialize)]
struct Because<'a> {
    id: MovieId,
    title: &'a str,
}

impl<'a> Because<'a> {
    fn of(kept: &'a OnShelf) -> Self {
        Self { id: kept.movie.id, title: &kept.movie.data.title }
    }
}

pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let choice = params::read(call.query(), Choice::from_pairs)?;
    let user = user::of(call)?;
    let standing = personal::begin(call).await?;
    let recommender = &call.api.recommender;
    let ground = recommender.ground(user.as_ref()).await?;
    let asked = Asked { choice, ground, standing };
    if let Some((answer, counts)) = call.api.recommended.get(user.as_ref(), &asked) {
        recommender.count(&counts);
        return Ok(answer);
    }
    let found = recommender.recommend(&asked.ground, &asked.choice).await?;
    recommender.count(&found.counts);
    let finished = render(&found, asked.choice.fields, standing.revision);
    Ok(call.api.recommended.put(user.as_ref(), asked, finished, found.counts))
}

fn render(found: &Recommendations, fields: FieldSet, revision: Revision) -> Finished {
    let data = found.rows.iter().map(|Recommended { movie, source, because }| Row {
        movie: MovieView::new(&movie.movie, fields),
        source: source.name(),
        because: because.as_deref().map(Because::of),
    });
    let list = List { data: data.collect(), model: found.model, revision };
    Finished::json(Class::Recommendation, &list)
}
