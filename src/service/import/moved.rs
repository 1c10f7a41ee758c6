//! Rows of the original service's database as records.

use std::{iter, mem, sync::Arc};

use serde_json::{Map, Value, json};

use super::feed::Batch;
use crate::{
    domain::{
        movie::MovieId,
        movie_json::{MovieInput, Reading},
    },
    exchange::record::{Record, Verdict},
    store::{
        MUTATIONS_MAX,
        original::{OriginalMovie, OriginalRows, OrphanGenre},
    },
};

/// The rows in batches; orphans come with the first.
pub(super) fn batches(
    rows: OriginalRows,
    movies: &Arc<str>,
    genres: &Arc<str>,
) -> impl Iterator<Item = Batch> + use<> {
    let mut orphans: Vec<_> = rows.orphans.iter().map(|row| orphan(row, genres)).collect();
    let file = Arc::clone(movies);
    let mut movies = rows.movies.into_iter();
    iter::from_fn(move || {
        let rows = movies.by_ref().take(MUTATIONS_MAX);
        let records: Vec<_> = rows.map(|row| record(row, &file)).collect();
        let orphans = mem::take(&mut orphans);
        let is_over = records.is_empty() && orphans.is_empty();
        (!is_over).then_some(Batch { records, skipped: 0, orphans })
    })
}

fn record(row: OriginalMovie, file: &Arc<str>) -> Record {
    let OriginalMovie { id, repeated, name, director_name, year, rank, genres } = row;
    let raw = json!({
        "id": id, "name": name, "director_name": director_name, "year": year, "rank": rank,
        "genres": genres,
    });
    let verdict = match id.and_then(MovieId::new) {
        None => Verdict::Rejected("its id is not a positive number".to_owned()),
        Some(_) if repeated => Verdict::Rejected("another row has the same id".to_owned()),
        Some(id) => movie(id, &raw, year.as_deref()),
    };
    // Ids that are no line numbers are in the row itself.
    let line = id.and_then(|id| u64::try_from(id).ok()).unwrap_or_default();
    Record { file: Arc::clone(file), line, raw: raw.to_string(), verdict }
}

fn movie(id: MovieId, raw: &Value, year: Option<&str>) -> Verdict {
    let mut object = Map::new();
    for name in ["name", "director_name", "rank", "genres"] {
        object.insert(name.to_owned(), raw[name].clone());
    }
    // MySQL's year 0 is the one that is not known.
    let year = year.filter(|year| !year.trim().trim_matches('0').is_empty());
    object.insert("year".to_owned(), year.into());
    match Verdict::of_object(&object, Reading::Lenient) {
        Verdict::Movie(input) => Verdict::Movie(Box::new(MovieInput { id: Some(id), ..*input })),
        other => other,
    }
}

fn orphan(row: &OrphanGenre, file: &Arc<str>) -> Record {
    let OrphanGenre { movie_id, genre } = row;
    let raw = json!({"movie_id": movie_id, "genre": genre}).to_string();
    let line = movie_id.and_then(|id| u64::try_from(id).ok()).unwrap_or_default();
    let verdict = Verdict::Rejected("there is no movie of this id".to_owned());
    Record { file: Arc::clone(file), line, raw, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, name: &str) -> OriginalMovie {
        OriginalMovie {
            id: Some(id),
            repeated: false,
            name: Some(name.to_owned()),
            director_name: Some(" Victor Fleming ".to_owned()),
            year: Some("1939".to_owned()),
            rank: Some("8.3".to_owned()),
            genres: vec![" Adventure".to_owned(), "Family ".to_owned(), "adventure".to_owned()],
        }
    }

    fn verdict(row: OriginalMovie) -> Verdict {
        record(row, &"movies".into()).verdict
    }

    #[test]
    fn a_row_keeps_its_id_and_loses_stray_spaces() {
        let Verdict::Movie(input) = verdict(row(42, " The Wizard of Oz ")) else {
            panic!("a movie")
        };
        assert_eq!(input.id, MovieId::new(42));
        assert_eq!(input.data.title, "The Wizard of Oz");
        assert_eq!(input.data.directors, ["Victor Fleming"]);
        assert_eq!(input.data.genres, ["Adventure", "Family"]);
        assert_eq!((input.data.year, input.data.rating), (Some(1939), Some(8.3)));
    }

    #[test]
    fn what_is_null_or_zero_is_not_known() {
        let bare = OriginalMovie {
            director_name: None,
            year: Some("0000".to_owned()),
            rank: None,
            genres: Vec::new(),
            ..row(1, "x")
        };
        let Verdict::Movie(input) = verdict(bare) else { panic!("a movie") };
        assert_eq!((input.data.year, input.data.rating), (None, None));
        assert!(input.data.directors.is_empty());
    }

    #[test]
    fn rows_without_a_name_or_an_id_of_their_own_are_rejected() {
        let rejected = |row| matches!(verdict(row), Verdict::Rejected(_));
        assert!(rejected(row(1, "  ")));
        assert!(rejected(OriginalMovie { name: None, ..row(1, "x") }));
        assert!(rejected(OriginalMovie { id: None, ..row(1, "x") }));
        assert!(rejected(OriginalMovie { repeated: true, ..row(1, "x") }));
        assert!(rejected(row(0, "x")));
    }

    #[test]
    fn orphans_come_even_without_a_movie() {
        let orphans = vec![OrphanGenre { movie_id: Some(7), genre: Some("Drama".to_owned()) }];
        let rows = OriginalRows { movies: Vec::new(), orphans };
        let batches: Vec<_> = batches(rows, &"m".into(), &"g".into()).collect();
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].orphans[0].line, 7);
    }
}
