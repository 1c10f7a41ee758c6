//! How far searches go: what ends them, and what is kept.

use super::*;

fn with_cast(id: i64, cast: &[&str]) -> Movie {
    let cast = cast.iter().map(|name| (*name).to_owned()).collect();
    movie(id, MovieData { title: format!("Film {id}"), cast, ..MovieData::default() })
}

fn found(index: &Index, q: &str) -> Vec<i64> {
    let page = search(index, &[("q", q)]);
    assert_eq!(page.total, page.rows.len() as u64);
    page.rows.iter().map(|row| row.movie.id.get()).collect()
}

#[test]
fn words_that_are_in_the_names_of_strangers_do_not_end_a_search() {
    let strangers = (1..=12).map(|id| with_cast(id, &["Jim Broadbent", "Carey Mulligan"]));
    let movies: Vec<Movie> = strangers.chain([with_cast(13, &["Jim Carrey"])]).collect();
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &movies);
    let rows = found(&index, "jim carey ");
    assert!(rows.contains(&13), "{rows:?}");
    assert!((1..=12).all(|id| rows.contains(&id)), "what the first stage found is kept: {rows:?}");
    let filtered = search(&index, &[("q", "jim carey "), ("ids", "1,13")]);
    assert_eq!(filtered.total, 2, "a filter does not change how far a search goes");
}

#[test]
fn what_a_stage_finds_is_kept_where_no_other_finds_more() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &[with_cast(1, &["Jim Broadbent", "Carey Mulligan"])]);
    assert_eq!(found(&index, "jim carey "), [1]);
}

#[test]
fn words_that_are_together_end_a_search() {
    let home = tempfile::tempdir().unwrap();
    let movies = [
        with_cast(1, &["Brad Pitt", "George Clooney"]),
        with_cast(2, &["Brad Pitt"]),
        with_cast(3, &["George Clooney"]),
        with_cast(4, &["Leo McKern", "Leonardo DiCaprio"]),
        with_cast(5, &["Leonardo DiCaprio"]),
    ];
    let index = build(home.path(), &movies);
    assert_eq!(found(&index, "brad pitt "), [1, 2]);
    assert_eq!(found(&index, "pitt brad "), [1, 2]);
    assert_eq!(found(&index, "pitt clooney "), [1], "two surnames are two people");
    assert_eq!(found(&index, "leo dicaprio "), [4, 5], "and a first name is somebody else's");
}

#[test]
fn names_that_are_written_as_one_are_found() {
    let home = tempfile::tempdir().unwrap();
    let movies = [
        with_cast(1, &["Robert De Niro"]),
        with_cast(2, &["Emily De", "Niro Smith"]),
        titled(3, "Rocky II"),
        titled(4, "Rocky"),
        titled(5, "Toy Story 3"),
    ];
    let index = build(home.path(), &movies);
    let marked = search(&index, &[("q", "deniro"), ("highlight", "true")]);
    let highlights = marked.rows[0].highlights.clone().unwrap();
    assert_eq!(highlights.cast, ["Robert <em>De Niro</em>"]);
    for (q, expected) in [("deniro ", &[1][..]), ("rocky2 ", &[3, 4]), ("toystory3 ", &[5])] {
        assert_eq!(found(&index, q), expected, "{q}");
    }
}

#[test]
fn a_text_that_breaks_off_with_a_filler_insists_on_its_beginning() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &[titled(1, "12 Monkeys"), titled(2, "12 Angry Men")]);
    assert_eq!(found(&index, "12 an"), [2]);
    assert_eq!(found(&index, "12 an ").len(), 2, "a word that is complete");
    assert_eq!(found(&index, "12 movies").len(), 2, "nor is a word that is not short");
}

#[test]
fn a_range_of_years_is_any_of_them() {
    let of = |id, year| {
        let title = "Solaris".to_owned();
        movie(id, MovieData { title, year: Some(year), ..MovieData::default() })
    };
    let home = tempfile::tempdir().unwrap();
    let many = (1..=10).map(|id| of(id, 1972));
    let movies: Vec<Movie> = many.chain([of(11, 1979), of(12, 1980), of(13, 2002)]).collect();
    let index = build(home.path(), &movies);
    for (q, total) in [("1970-1979", 11), ("seventies", 11), ("1980-2002", 3), ("-1970-1979", 2)] {
        let page = search(&index, &[("q", &format!("solaris {q} "))]);
        assert_eq!(page.total, total, "{q}");
    }
}
