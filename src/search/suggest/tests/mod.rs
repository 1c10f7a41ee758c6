//! What is suggested, and what it is after writes.

mod bundled;
mod model;
mod writes;

use crate::domain::{
    clock::Moment,
    movie::{Movie, MovieData, MovieId},
    suggest::SuggestQuery,
};

use super::{Options, Suggester};

fn movie(id: i64, data: MovieData) -> Movie {
    let now = Moment::parse("2026-01-01T00:00:00Z").unwrap();
    Movie { id: MovieId::new(id).unwrap(), data, version: 1, created_at: now, updated_at: now }
}

fn of(title: &str, popularity: f64, cast: &[&str]) -> MovieData {
    MovieData {
        title: title.to_owned(),
        popularity: Some(popularity),
        cast: cast.iter().map(|name| (*name).to_owned()).collect(),
        ..MovieData::default()
    }
}

fn ask(suggester: &Suggester, text: &str) -> Vec<String> {
    let rows = suggester.suggest(&SuggestQuery::new(text).unwrap());
    rows.into_iter().map(|row| row.text).collect()
}

#[test]
fn what_is_written_while_a_build_is_made_is_in_it() {
    let suggester = Suggester::new(Options::default());
    suggester.put(&movie(1, of("Gone", 50.0, &["Somebody"])));
    let mut builder = suggester.builder();
    builder.add(MovieId::new(2).unwrap(), &of("Vertigo", 90.0, &["Kim Novak"]));
    builder.add(MovieId::new(3).unwrap(), &of("Rope", 60.0, &[]));
    suggester.put(&movie(2, of("Vertigo", 90.0, &["James Stewart"])));
    suggester.delete(MovieId::new(3).unwrap());
    assert_eq!(ask(&suggester, "vert"), ["Vertigo"]);
    assert!(builder.publish());
    assert_eq!(ask(&suggester, "stewart"), ["James Stewart"]);
    for gone in ["novak", "rope", "gone", "somebody"] {
        assert!(ask(&suggester, gone).is_empty(), "{gone}");
    }
}

#[test]
fn a_build_that_another_one_overtook_is_not_published() {
    let suggester = Suggester::new(Options::default());
    let mut first = suggester.builder();
    first.add(MovieId::new(1).unwrap(), &of("Old", 1.0, &[]));
    let mut second = suggester.builder();
    second.add(MovieId::new(1).unwrap(), &of("New", 1.0, &[]));
    assert!(!first.publish());
    assert!(second.publish());
    assert_eq!(ask(&suggester, "new"), ["New"]);
    assert!(ask(&suggester, "old").is_empty());
}

#[test]
fn compacting_overtakes_no_scan() {
    let suggester = Suggester::new(Options::default());
    std::thread::scope(|scope| {
        let compacting = scope.spawn(|| (0..2_000).for_each(|_| suggester.compact()));
        while !compacting.is_finished() {
            let mut scan = suggester.builder();
            scan.add(MovieId::new(1).unwrap(), &of("Rope", 60.0, &[]));
            assert!(scan.publish());
        }
    });
    assert_eq!(ask(&suggester, "rope"), ["Rope"]);
}

#[test]
fn the_best_known_are_kept_where_not_all_have_room() {
    let options = Options { movies_max: 100, people_max: 10, ..Options::default() };
    let suggester = Suggester::new(options);
    let mut builder = suggester.builder();
    for n in 1..=5000_i64 {
        let popularity = f64::from(i32::try_from(n * 7 % 5000).unwrap()) / 50.0;
        let person = format!("Person {}", n % 100);
        builder.add(MovieId::new(n).unwrap(), &of(&format!("Film {n}"), popularity, &[&person]));
    }
    assert!(builder.publish());
    let size = suggester.size();
    assert_eq!((size.movies, size.people), (100, 10));
    assert_eq!(size.dropped.movies, 4900);
    assert_eq!(ask(&suggester, "film").len(), 10);
    // Of 7 n mod 5000, this is the greatest.
    assert_eq!(ask(&suggester, "film")[0], "Film 2857");
}

#[test]
fn it_says_when_it_is_time_to_compact_and_does_so_itself_in_the_end() {
    let suggester = Suggester::new(Options { changed_max: 100, ..Options::default() });
    let mut was_due = false;
    for n in 1..=1000_i64 {
        suggester.put(&movie(n, of(&format!("Film {n}"), 1.0, &["A", "B"])));
        let size = suggester.size();
        was_due |= size.is_due;
        assert!(size.changed < 400, "{}", size.changed);
    }
    assert!(was_due);
    assert_eq!(suggester.size().movies, 1000);
    assert_eq!(ask(&suggester, "film 777"), ["Film 777"]);
    assert_eq!(ask(&suggester, "b"), ["B"]);
}
