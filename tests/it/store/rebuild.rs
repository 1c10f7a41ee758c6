//! What is derived from movies is made anew after movies were changed by hand.

use std::collections::BTreeMap;

use marquee::{
    domain::{change::ChangeKind, list::Total, movie::Movie, revision::Scope, text::name_key},
    store::{
        News, Rebuilt, Store,
        mutation::{Mutation, Outcome, Recognise},
    },
};
use serde_json::json;

use super::{
    create, created, data,
    lists::{are_as_defined, fill},
    model::{self, Dice},
    query,
};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    a_rebuild_of_what_is_right_only_bumps,
    a_rebuild_after_edits_by_hand_makes_lists_and_totals_right,
    a_rebuild_walks_more_movies_than_a_chunk_has,
    a_rebuild_leaves_a_movie_with_bad_json_as_it_is_and_goes_on,
    a_rebuild_is_right_while_others_write,
    a_rebuild_removes_links_before_a_movie_takes_the_id,
    two_rebuilds_at_once_correct_counts_once,
}

/// Rebuilds; gives the outcome and what it said of bad movies.
async fn rebuild(store: &Store) -> (Rebuilt, Vec<String>) {
    let mut bad = Vec::new();
    let mut tell = |news: News<'_>| {
        if let News::Bad(error) = news {
            bad.push(error.to_string());
        }
    };
    let rebuilt = store.rebuild(&mut tell).await.expect("a rebuild");
    (rebuilt, bad)
}

/// All movies as they are stored.
async fn stored(store: &Store) -> Vec<Movie> {
    let mut snapshot = store.snapshot().await.expect("a snapshot");
    let mut movies = Vec::new();
    loop {
        let chunk = snapshot.next().await.expect("a chunk");
        if chunk.is_empty() {
            snapshot.end().await;
            return movies;
        }
        movies.extend(chunk);
    }
}

/// Lists, totals and genres are what the stored movies say.
async fn is_right(store: &Store) {
    let movies = stored(store).await;
    are_as_defined(store, &movies, 11).await;
    let simple = [
        "",
        "genre=drama",
        "genre=western",
        "genre_not=war",
        "country=france",
        "country=peru",
        "language=french",
        "director=ann hui",
        "director=nobody new",
        "year=1992",
        "year=2033",
        "rating_min=9",
        "rating_min=2.05&rating_max=7",
    ];
    for text in simple {
        let query = query(text);
        let expected = model::list(&movies, &query.filter, query.sort).len() as u64;
        let total = store.list(&query).await.expect("a list").value.total;
        assert_eq!(total, Total::Exact(expected), "{text}");
    }
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for genre in movies.iter().flat_map(|movie| &movie.data.genres) {
        *expected.entry(name_key(genre)).or_default() += 1;
    }
    let genres = store.genres().await.expect("genres").value;
    let genres: BTreeMap<_, _> =
        genres.into_iter().map(|genre| (name_key(&genre.name), genre.movies)).collect();
    assert_eq!(genres, expected);
}

async fn a_rebuild_of_what_is_right_only_bumps(store: TestStore) {
    let movies = fill(&store, 120, 1).await;
    let before = store.revision().await.expect("a revision");
    let (rebuilt, bad) = rebuild(&store).await;
    let revision = store.revision().await.expect("a revision");
    assert_eq!(rebuilt, Rebuilt { movies: 120, revision, ..Rebuilt::default() });
    assert_eq!((revision.get(), bad.len()), (before.get() + 1, 0));
    assert_eq!(stored(&store).await, movies);
    let changes = store.changes(before, 10).await.expect("changes").value;
    let changes: Vec<_> = changes.iter().map(|change| (change.id, change.kind)).collect();
    assert_eq!(changes, [(None, ChangeKind::Bumped)]);
    let scopes = store.watch(before).await.expect("scopes").scopes;
    assert!(scopes.contains(&(Scope::Bump, revision)), "{scopes:?}");
    is_right(&store).await;
}

async fn a_rebuild_after_edits_by_hand_makes_lists_and_totals_right(store: TestStore) {
    let movies = fill(&store, 200, 2).await;
    let id = |n: usize| movies[n].id.get();
    let other_names = "genres = '[\"Drama\",\"Western\"]', directors = '[\"Nobody New\"]', \
                   countries = '[\"Peru\"]', languages = '[\"French\",\"Quechua\"]'";
    let genre = "SELECT id FROM genres WHERE name = 'War'";
    let edits = [
        format!("UPDATE movies SET title = 'Zz top' WHERE id = {}", id(3)),
        format!("UPDATE movies SET rating = 9.95, popularity = 99.5 WHERE id = {}", id(4)),
        format!("UPDATE movies SET rating = NULL, votes = NULL, year = NULL WHERE id = {}", id(5)),
        format!("UPDATE movies SET year = 2033, votes = 7, created_at = 5 WHERE id = {}", id(6)),
        format!("UPDATE movies SET {other_names} WHERE id BETWEEN {} AND {}", id(20), id(29)),
        format!("UPDATE movies SET genres = '[]', countries = '[]' WHERE id = {}", id(40)),
        // Derived data itself, and a link to a genre that there is not.
        format!("UPDATE movies SET title_key = 'x', identity = 'y' WHERE id = {}", id(50)),
        format!("UPDATE movie_directors SET popularity = 1 WHERE movie_id > {}", id(150)),
        format!("DELETE FROM movie_genres WHERE movie_id > {}", id(180)),
        format!(
            "INSERT INTO movie_genres (movie_id, genre_id, title_key, created_at) VALUES ({}, 4711, '', 0)",
            id(60)
        ),
        // Movies that leave their links.
        format!("DELETE FROM movies WHERE id BETWEEN {} AND {}", id(70), id(79)),
        "UPDATE facet_counts SET movies = movies + 1000 WHERE facet = 0".to_owned(),
        format!("DELETE FROM facet_counts WHERE facet = 1 AND value = ({genre})"),
        "UPDATE facet_counts SET movies = movies - 3 WHERE facet = 4".to_owned(),
        "INSERT INTO facet_counts (facet, value, movies) VALUES (5, 7777, 12)".to_owned(),
    ];
    store.database.edit(&edits).await;
    let others = stored(&store).await;
    let (rebuilt, bad) = rebuild(&store).await;
    assert_eq!((rebuilt.movies, rebuilt.bad, bad.len()), (190, 0, 0));
    assert!(rebuilt.repaired >= 20 && rebuilt.repaired < 100, "{rebuilt:?}");
    assert!(rebuilt.links_removed > 10 && rebuilt.counts_corrected > 10, "{rebuilt:?}");
    assert_eq!(stored(&store).await, others, "movies themselves stay as they are");
    is_right(&store).await;
    let orphans = "SELECT COUNT(*) FROM movie_genres WHERE genre_id = 4711 \
                   OR movie_id NOT IN (SELECT id FROM movies)";
    assert_eq!(store.database.integers(orphans).await, [[0]]);
    // An import recognises the edited movie by what it says now.
    let film = &others.iter().find(|movie| movie.id.get() == id(3)).expect("the movie").data;
    let import = Mutation::Import {
        data: Box::new(film.clone()),
        recognise: Recognise::ByContent,
        created_at: None,
    };
    let outcomes = store.write(&[import], None).await.expect("a write").outcomes;
    assert!(matches!(&outcomes[0], Outcome::Unchanged(movie) if movie.id.get() == id(3)));

    let (again, _) = rebuild(&store).await;
    assert_eq!((again.repaired, again.links_removed, again.counts_corrected), (0, 0, 0));
    is_right(&store).await;
}

async fn a_rebuild_walks_more_movies_than_a_chunk_has(store: TestStore) {
    fill(&store, 1_200, 5).await;
    let edits = [
        "UPDATE movies SET year = 1980, genres = '[\"Noir\"]'".to_owned(),
        "DELETE FROM movies WHERE id % 2 = 0".to_owned(),
        "DELETE FROM facet_counts".to_owned(),
    ];
    store.database.edit(&edits).await;
    let (rebuilt, _) = rebuild(&store).await;
    assert_eq!((rebuilt.movies, rebuilt.repaired), (600, 600));
    is_right(&store).await;
}

async fn a_rebuild_leaves_a_movie_with_bad_json_as_it_is_and_goes_on(store: TestStore) {
    let movies = fill(&store, 30, 3).await;
    let id = |n: usize| movies[n].id.get();
    let edits = [
        format!("UPDATE movies SET genres = 'Drama, War', title = 'x' WHERE id = {}", id(10)),
        format!("UPDATE movies SET cast_names = '[1]' WHERE id = {}", id(11)),
        format!("UPDATE movies SET released = 'soon' WHERE id = {}", id(12)),
        format!("UPDATE movies SET rating = 0.35 WHERE id = {}", id(20)),
    ];
    store.database.edit(&edits).await;
    let links = "SELECT movie_id, genre_id FROM movie_genres ORDER BY movie_id, genre_id";
    let before = store.database.integers(links).await;
    let (rebuilt, bad) = rebuild(&store).await;
    assert_eq!((rebuilt.movies, rebuilt.repaired, rebuilt.bad), (30, 1, 3));
    assert_eq!(store.database.integers(links).await, before);
    let starts: Vec<String> = [(10, "genres"), (11, "cast_names"), (12, "released")]
        .map(|(n, column)| format!("row {} of movies has a bad {column}: ", id(n)))
        .to_vec();
    assert!(bad.len() == 3 && bad.iter().zip(&starts).all(|(line, start)| line.starts_with(start)));
    let mend = [
        format!("UPDATE movies SET genres = '[\"Drama\",\"War\"]' WHERE id = {}", id(10)),
        format!("UPDATE movies SET cast_names = '[]' WHERE id = {}", id(11)),
        format!("UPDATE movies SET released = NULL WHERE id = {}", id(12)),
    ];
    store.database.edit(&mend).await;
    assert_eq!(rebuild(&store).await.0.bad, 0);
    is_right(&store).await;
}

async fn a_rebuild_is_right_while_others_write(store: TestStore) {
    let movies = fill(&store, 700, 4).await;
    let edits = [
        "UPDATE movies SET genres = '[\"Western\"]', rating = 5.55 WHERE id % 3 = 0".to_owned(),
        "DELETE FROM movies WHERE id % 7 = 1".to_owned(),
        "UPDATE facet_counts SET movies = movies + 9".to_owned(),
    ];
    store.database.edit(&edits).await;
    let mut writers = tokio::task::JoinSet::new();
    for seed in 0..3 {
        let (store, ids) = (store.clone(), movies.iter().map(|movie| movie.id).collect::<Vec<_>>());
        writers.spawn(async move {
            let mut dice = Dice(seed);
            for _ in 0..40 {
                let mutation = match dice.roll(4) {
                    0 => create(&model::movie(&mut dice)),
                    1 => Mutation::Delete { id: *dice.pick(&ids), expect: None },
                    // As a restore of single movies does: also where links were left.
                    _ => Mutation::Import {
                        data: Box::new(data(&model::movie(&mut dice))),
                        recognise: Recognise::ById(*dice.pick(&ids)),
                        created_at: None,
                    },
                };
                // One that meets links of a movie that is gone is refused until those are.
                _ = store.write(&[mutation], None).await;
            }
        });
    }
    rebuild(&store).await;
    writers.join_all().await;
    let left = "SELECT COUNT(*) FROM movie_genres WHERE movie_id NOT IN (SELECT id FROM movies)";
    assert_eq!(store.database.integers(left).await, [[0]]);
    is_right(&store).await;
    let (again, _) = rebuild(&store).await;
    assert_eq!((again.repaired, again.links_removed, again.counts_corrected), (0, 0, 0));
}

async fn a_rebuild_removes_links_before_a_movie_takes_the_id(store: TestStore) {
    let movie = created(&store, &json!({"title": "a", "genres": ["Drama"], "year": 1990})).await;
    store.database.edit(&[format!("DELETE FROM movies WHERE id = {}", movie.id)]).await;
    let import = |genre: &str| Mutation::Import {
        data: Box::new(data(&json!({"title": "b", "genres": [genre]}))),
        recognise: Recognise::ById(movie.id),
        created_at: None,
    };
    // It takes over what was left.
    store.write(&[import("War")], None).await.expect("a write");
    assert_eq!(store.list(&query("genre=drama")).await.expect("a list").value.movies.len(), 1);
    let (rebuilt, _) = rebuild(&store).await;
    assert_eq!((rebuilt.repaired, rebuilt.links_removed), (1, 0));
    is_right(&store).await;
    store.database.edit(&[format!("DELETE FROM movies WHERE id = {}", movie.id)]).await;
    assert_eq!(rebuild(&store).await.0.links_removed, 1);
    store.write(&[import("War")], None).await.expect("a write");
    assert!(store.list(&query("genre=drama")).await.expect("a list").value.movies.is_empty());
    is_right(&store).await;
}

async fn two_rebuilds_at_once_correct_counts_once(store: TestStore) {
    fill(&store, 60, 6).await;
    for _ in 0..4 {
        store.database.edit(&["UPDATE facet_counts SET movies = movies + 5".to_owned()]).await;
        let (one, other) = tokio::join!(rebuild(&store), rebuild(&store));
        assert_ne!(one.0.revision, other.0.revision);
        is_right(&store).await;
    }
}
