//! Lists are what they are defined to be, page by page.

use marquee::{
    domain::{
        list::{ListQuery, SortKey, Start, Total},
        movie::{Movie, MovieId},
    },
    store::{
        Store,
        mutation::{Mutation, Outcome},
    },
};
use serde_json::json;

use super::{
    create, created,
    model::{self, Dice},
    query,
};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    every_sort_is_walked_once_forwards_and_backwards,
    any_filter_answers_what_it_is_defined_to,
    ratings_at_the_edge_of_a_tenth_are_counted_once,
    pages_by_number_are_the_pages_by_cursor,
    a_walk_stays_right_while_rows_come_and_go,
    totals_are_exact_where_free_and_bounded_elsewhere,
    no_list_sorts_or_scans_a_table,
}

/// Fills a store with movies of many ties and gaps.
pub(super) async fn fill(store: &Store, number: usize, seed: u64) -> Vec<Movie> {
    let mut dice = Dice(seed);
    let mutations: Vec<_> = (0..number).map(|_| create(&model::movie(&mut dice))).collect();
    let mut movies = Vec::new();
    for part in mutations.chunks(100) {
        let written = store.write(part, None).await.expect("a write");
        movies.extend(written.outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Created(movie) => *movie,
            other => panic!("{other:?}"),
        }));
    }
    movies
}

pub(super) fn ids<'a>(movies: impl IntoIterator<Item = &'a Movie>) -> Vec<i64> {
    movies.into_iter().map(|movie| movie.id.get()).collect()
}

async fn every_sort_is_walked_once_forwards_and_backwards(store: TestStore) {
    let movies = fill(&store, 150, 1).await;
    store.refresh_statistics().await.expect("statistics");
    for filter in ["", "genre=drama", "year=1992", "rating_min=3&rating_max=4.5"] {
        for key in SortKey::ALL {
            for sign in ["", "-"] {
                let text = format!("{filter}&sort={sign}{}&limit=7", key.name());
                let mut query = query(text.trim_start_matches('&'));
                let expected = ids(model::list(&movies, &query.filter, query.sort));
                let (forwards, last) = walk(&store, &mut query, |page| page.next.clone()).await;
                assert_eq!(forwards.concat(), expected, "{text}");
                query.start = last;
                let (mut backwards, _) = walk(&store, &mut query, |page| page.prev.clone()).await;
                backwards.reverse();
                assert_eq!(backwards.concat(), expected, "{text}, backwards");
            }
        }
    }
}

/// Reads pages until there is no further one; gives their ids and where the last one started.
async fn walk(
    store: &Store,
    query: &mut ListQuery,
    turn: impl Fn(&marquee::domain::list::ListPage) -> Option<marquee::domain::cursor::Position>,
) -> (Vec<Vec<i64>>, Start) {
    let mut pages = Vec::new();
    loop {
        let page = store.list(query).await.expect("a list").value;
        pages.push(ids(&page.movies));
        match turn(&page) {
            Some(position) => query.start = Start::At(position),
            None => return (pages, query.start.clone()),
        }
        assert!(pages.len() < 100, "a walk that does not end: {query:?}");
    }
}

async fn any_filter_answers_what_it_is_defined_to(store: TestStore) {
    let movies = fill(&store, 200, 2).await;
    are_as_defined(&store, &movies, 3).await;
}

async fn ratings_at_the_edge_of_a_tenth_are_counted_once(store: TestStore) {
    let ratings = [
        0.0,
        0.05,
        2.999_999_999_999_999_6,
        3.0,
        3.05,
        3.099_999_999_999_999_6,
        3.1,
        3.15,
        9.95,
        10.0,
    ];
    for rating in ratings {
        created(&store, &json!({"title": "a", "rating": rating})).await;
    }
    created(&store, &json!({"title": "not rated"})).await;
    for min in ratings {
        for max in ratings.into_iter().filter(|max| *max >= min) {
            let within =
                ratings.iter().filter(|rating| (min..=max).contains(*rating)).count() as u64;
            let above = ratings.iter().filter(|rating| **rating >= min).count() as u64;
            let below = ratings.iter().filter(|rating| **rating <= max).count() as u64;
            for (text, expected) in [
                (format!("rating_min={min}&rating_max={max}"), within),
                (format!("rating_min={min}"), above),
                (format!("rating_max={max}"), below),
            ] {
                let page = store.list(&query(&text)).await.expect("a list").value;
                assert_eq!(page.total, Total::Exact(expected), "{text}");
                assert_eq!(page.movies.len() as u64, expected, "{text}");
            }
        }
    }
}

/// Asks for lists of many filters: each is what it is defined to be.
pub(super) async fn are_as_defined(store: &Store, movies: &[Movie], seed: u64) {
    let mut dice = Dice(seed);
    for round in 0..120 {
        // Without statistics the plans are others, and the answers the same.
        if round == 60 {
            store.refresh_statistics().await.expect("statistics");
        }
        let sort = if dice.roll(2) == 0 { "-" } else { "" };
        let key = dice.pick(&SortKey::ALL).name();
        let text = format!("{}&sort={sort}{key}&limit=500", model::filter(&mut dice));
        let Ok(query) = std::panic::catch_unwind(|| query(&text)) else { continue };
        let expected = ids(model::list(movies, &query.filter, query.sort));
        let page = store.list(&query).await.expect("a list").value;
        assert_eq!(ids(&page.movies), expected[..expected.len().min(500)], "{text}");
        assert_eq!(page.total, Total::Exact(expected.len() as u64), "{text}");
    }
}

async fn pages_by_number_are_the_pages_by_cursor(store: TestStore) {
    fill(&store, 60, 4).await;
    let mut by_cursor = query("sort=rating&limit=9");
    for number in 1..=7 {
        let by_number = query(&format!("sort=rating&limit=9&page={number}"));
        let numbered = store.list(&by_number).await.expect("a list").value;
        let page = store.list(&by_cursor).await.expect("a list").value;
        assert_eq!(ids(&numbered.movies), ids(&page.movies), "page {number}");
        assert_eq!(numbered.next, page.next, "page {number}");
        assert_eq!(numbered.prev.is_some(), number > 1, "page {number}");
        let Some(next) = page.next else { break };
        by_cursor.start = Start::At(next);
    }
    let beyond = store.list(&query("limit=9&page=8")).await.expect("a list").value;
    assert_eq!((beyond.movies.len(), beyond.next, beyond.prev), (0, None, None));
}

async fn a_walk_stays_right_while_rows_come_and_go(store: TestStore) {
    let movies = fill(&store, 80, 5).await;
    let mut query = query("sort=-popularity&limit=10");
    let expected = ids(model::list(&movies, &query.filter, query.sort));
    let mut seen: Vec<i64> = Vec::new();
    let mut gone: Vec<i64> = Vec::new();
    loop {
        let page = store.list(&query).await.expect("a list").value;
        seen.extend(ids(&page.movies));
        // The row beside the cursor goes, and one comes at the very beginning.
        let last = page.movies.last().expect("a row").id;
        store.write(&[Mutation::Delete { id: last, expect: None }], None).await.expect("a write");
        gone.push(last.get());
        created(&store, &json!({"title": "new", "popularity": 100})).await;
        let Some(next) = page.next else { break };
        query.start = Start::At(next);
    }
    assert_eq!(seen, expected, "each of the old rows once, none of the new");
    assert_eq!(gone.len(), 8);
}

async fn totals_are_exact_where_free_and_bounded_elsewhere(store: TestStore) {
    for part in 0..11 {
        let movie =
            |n: u32| json!({"title": format!("{part}/{n}"), "genres": ["Drama"], "year": 1999});
        let mutations: Vec<_> = (0..1_000).map(|n| create(&movie(n))).collect();
        store.write(&mutations, None).await.expect("a write");
    }
    for text in ["", "genre=drama", "year=1999", "genre_not=war", "year_min=1900"] {
        let total = store.list(&query(text)).await.expect("a list").value.total;
        assert_eq!(total, Total::Exact(11_000), "{text}");
    }
    for text in ["genre=drama&year=1999", "genre=drama|war"] {
        let total = store.list(&query(text)).await.expect("a list").value.total;
        assert_eq!(total, Total::AtLeast(10_000), "{text}");
    }
}

async fn no_list_sorts_or_scans_a_table(store: TestStore) {
    let movies = fill(&store, 300, 6).await;
    store.refresh_statistics().await.expect("statistics");
    let some: Vec<String> = movies.iter().take(200).map(|movie| movie.id.to_string()).collect();
    let by_ids = format!("ids={}", some.join(","));
    let filters = [
        "",
        "genre=drama",
        "genre=drama,war",
        "genre=drama|war",
        "genre_not=drama",
        "director=ann hui",
        "country=france",
        "language=french",
        "year=1992",
        "year_min=1991&year_max=1993",
        "rating_min=9",
        "rating_min=2&rating_max=7",
        "genre=drama&year_min=1991&country=france&rating_max=8",
        &by_ids,
    ];
    let middle = MovieId::new(movies[150].id.get()).expect("positive");
    assert!(middle.get() > 0);
    for filter in filters {
        for key in SortKey::ALL {
            for sign in ["", "-"] {
                let text = format!("{filter}&sort={sign}{}", key.name());
                let mut query = query(text.trim_start_matches('&'));
                let first = store.list(&query).await.expect("a list").value;
                plan_is_good(&store, &query, &text).await;
                if let Some(next) = first.next {
                    query.start = Start::At(next);
                    plan_is_good(&store, &query, &text).await;
                }
            }
        }
    }
}

/// Every step that reads a table of the catalogue does it by an index, and nothing but the page itself
/// (or the few rows of `ids=`) is sorted.
async fn plan_is_good(store: &Store, query: &ListQuery, text: &str) {
    let plan = store.explain(query).await.expect("a plan");
    for (n, step) in plan.iter().enumerate() {
        // Walking an index in its order up to a limit is no scan of a table.
        let walks = step.starts_with("SCAN t USING COVERING INDEX ");
        let scans = step.starts_with("SCAN ") && !walks && !is_derived(&step["SCAN ".len()..])
            || step.contains("| ALL |") && !step.contains("| <derived");
        // `t` is the table that a piece of the list is read from.
        let reads_piece = step.contains(" t USING ") || step.contains("| t |");
        let sorted = step.contains("filesort")
            || plan.get(n + 1).is_some_and(|next| next.starts_with("USE TEMP B-TREE FOR ORDER BY"));
        let sorts = reads_piece && sorted && query.filter.ids.is_none();
        assert!(!scans && !sorts, "{text}: {step}\n{}", plan.join("\n"));
    }
}

/// Whether a name of `SQLite`'s plan is one of the statement's own subqueries.
fn is_derived(name: &str) -> bool {
    let name = name.split(' ').next().unwrap_or_default();
    matches!(name, "p" | "u" | "c")
        || name.strip_prefix('p').is_some_and(|n| n.parse::<u32>().is_ok())
}
