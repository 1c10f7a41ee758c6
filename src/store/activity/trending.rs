//! Which movies are trending: the movies of each hour that most clients looked at, weighed by how long
//! ago that was.

use std::collections::HashMap;

use crate::domain::{
    activity::{Hour, Trend, TrendingAsk, Window},
    clock::Moment,
    movie::{Movie, MovieId},
    revision::AsOf,
};

use super::super::{
    Store,
    db::Session,
    error::StoreError,
    row::{self, Columns},
    sql::Sql,
};

/// Movies of one hour that are looked at. Who is beyond them in each hour has no place among the first
/// hundred of all.
const OF_AN_HOUR: u32 = 200;
/// Hours of one statement.
const HOURS: usize = 48;
/// Movies that one statement looks for.
const SOUGHT: usize = 250;

impl Store {
    /// What is trending at a moment, the most first. Movies that are gone are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trending(&self, ask: &TrendingAsk, at: Moment) -> Result<Vec<Trend>, StoreError> {
        let found = self.trending_movies(ask, at).await?.value;
        Ok(found.into_iter().map(|(movie, score)| Trend { movie: movie.id, score }).collect())
    }

    /// The same with the movies as lists have them, of one moment of the catalogue.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trending_movies(
        &self,
        ask: &TrendingAsk,
        at: Moment,
    ) -> Result<AsOf<Vec<(Movie, f64)>>, StoreError> {
        let (mut session, revision) = self.snapshot_session().await?;
        session.lift_deadline().await?;
        let found = self.trending_within(&mut session, ask, at).await;
        session.roll_back().await;
        Ok(AsOf { revision, value: found? })
    }

    async fn trending_within(
        &self,
        session: &mut Session,
        ask: &TrendingAsk,
        at: Moment,
    ) -> Result<Vec<(Movie, f64)>, StoreError> {
        let ranked = self.ranked(session, ask.window, at).await?;
        let limit = usize::from(ask.limit);
        let mut value = Vec::with_capacity(limit);
        for trends in ranked.chunks(SOUGHT) {
            let mut movies = movies(session, trends, ask.genre.as_deref()).await?;
            let found =
                trends.iter().filter_map(|trend| Some((movies.remove(&trend.movie)?, trend.score)));
            value.extend(found.take(limit - value.len()));
            if value.len() == limit {
                break;
            }
        }
        Ok(value)
    }

    /// Movies by score, whether they are there or not.
    async fn ranked(
        &self,
        session: &mut Session,
        window: Window,
        at: Moment,
    ) -> Result<Vec<Trend>, StoreError> {
        let mut scores: HashMap<i64, f64> = HashMap::new();
        let hours: Vec<Hour> =
            (0..window.hours()).map(|hours| Hour::of(at).before(hours)).collect();
        let index = self.db.dialect().by_index("movie_views_clients");
        for hours in hours.chunks(HOURS) {
            let mut sql = Sql::default();
            for (n, hour) in hours.iter().enumerate() {
                sql.push(if n > 0 { " UNION ALL " } else { "" });
                sql.push("SELECT * FROM (SELECT hour, movie_id, clients FROM movie_views ")
                    .push(&index);
                sql.push(" WHERE hour = ").bind(hour.get());
                sql.push(" ORDER BY clients DESC, movie_id DESC LIMIT ").bind(OF_AN_HOUR);
                sql.push(&format!(") AS t{n}"));
            }
            for row in session.rows(sql).await? {
                #[expect(clippy::cast_precision_loss, reason = "a sketch ends at some thousands")]
                let clients = row.integer(2)? as f64;
                let score = window.score(Hour::new(row.integer(0)?), at, clients);
                *scores.entry(row.integer(1)?).or_default() += score;
            }
        }
        let trend = |(id, score)| Some(Trend { movie: MovieId::new(id)?, score });
        let mut ranked: Vec<Trend> = scores.into_iter().filter_map(trend).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.movie.cmp(&b.movie)));
        Ok(ranked)
    }
}

/// Those of the movies that there are and that have a genre.
async fn movies(
    session: &mut Session,
    trends: &[Trend],
    genre: Option<&str>,
) -> Result<HashMap<MovieId, Movie>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(row::listed(session.dialect())).push(" FROM movies m WHERE m.id IN ");
    sql.bind_list(trends.iter().map(|trend| trend.movie.get()));
    if let Some(genre) = genre {
        sql.push(" AND EXISTS (SELECT 1 FROM movie_genres l JOIN genres n ON n.id = l.genre_id ");
        sql.push("WHERE l.movie_id = m.id AND n.name_key = ").bind(genre.as_bytes()).push(")");
    }
    let mut movies = HashMap::with_capacity(trends.len());
    for row in session.rows(sql).await? {
        movies.extend(row::movie(&row, 0, Columns::Listed)?.map(|movie| (movie.id, movie)));
    }
    Ok(movies)
}
