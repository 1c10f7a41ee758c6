//! Random catalogues, writes and queries: against a model that goes through all movies, and against an
//! index that is built anew.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        cursor::{Side, SortValue},
        list::{Filter, ListQuery, Sort, SortKey, Start, Total},
        search::{Facet, SearchStart, fold, words},
        text::{name_key, sort_key},
    },
    search::Change,
};

const WORDS: [&str; 8] = ["Alien", "Aliens", "Amélie", "Star", "Wars", "Spider-Man", "II", "1999"];
const GENRES: [&str; 4] = ["Drama", "Sci-Fi", "Comedy", "Horror"];
const NAMES: [&str; 4] = ["Tom Hanks", "Jean-Pierre Jeunet", "Björk", "Alan Smithee"];
const PLACES: [&str; 3] = ["France", "FRANCE", "Italy"];

fn some(of: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    let name = proptest::sample::select(of).prop_map(str::to_owned);
    proptest::collection::vec(name, 0..=most)
}

fn data() -> impl Strategy<Value = MovieData> {
    let names = (some(&WORDS, 3), some(&NAMES, 2), some(&NAMES, 2), some(&PLACES, 2));
    let genres = proptest::sample::subsequence(&GENRES[..], 0..=3);
    let numbers = (
        proptest::option::of(1995i16..2003),
        proptest::option::of((0u8..=20).prop_map(|half| f64::from(half) / 2.0)),
        proptest::option::of(0i64..5),
        proptest::option::of((0u8..=4).prop_map(|quarter| f64::from(quarter) * 25.0)),
    );
    let synopsis = proptest::option::of(some(&WORDS, 4).prop_map(|words| words.join(" ")));
    (names, genres, numbers, synopsis).prop_map(
        |(
            (title, directors, cast, countries),
            genres,
            (year, rating, votes, popularity),
            synopsis,
        )| {
            MovieData {
                title: if title.is_empty() { "?".to_owned() } else { title.join(" ") },
                directors,
                cast,
                languages: countries.clone(),
                countries,
                genres: genres.into_iter().map(str::to_owned).collect(),
                year,
                rating,
                votes,
                popularity,
                synopsis,
                ..MovieData::default()
            }
        },
    )
}

/// Writes: a movie, or none any more.
fn writes() -> impl Strategy<Value = Vec<(i64, Option<MovieData>)>> {
    proptest::collection::vec((1i64..30, proptest::option::weighted(0.8, data())), 0..40)
}

fn filters() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "",
        "genre=drama",
        "genre=drama|comedy&genre_not=horror",
        "genre=sci-fi,drama",
        "director=Tom%20Hanks",
        "country=france&year_min=1998",
        "language=italy&rating_min=5",
        "year=1999",
        "rating_min=2.5&rating_max=7",
        "ids=1,2,3,5,8,13,21&year_max=2000",
    ])
    .prop_map(str::to_owned)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| part.replace("%20", " ");
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decode(value))).collect()
}

fn matches(filter: &Filter, movie: &Movie) -> bool {
    let data = &movie.data;
    let has = |names: &[String], key: &String| names.iter().any(|name| name_key(name) == *key);
    let one =
        |names: &[String], key: &Option<String>| key.as_ref().is_none_or(|key| has(names, key));
    filter.genres.iter().all(|group| group.iter().any(|genre| has(&data.genres, genre)))
        && !filter.genres_not.iter().any(|genre| has(&data.genres, genre))
        && one(&data.directors, &filter.director)
        && one(&data.countries, &filter.country)
        && one(&data.languages, &filter.language)
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&movie.id))
        && (filter.years.is_open()
            || data.year.is_some_and(|year| {
                filter.years.min.is_none_or(|min| min <= year)
                    && filter.years.max.is_none_or(|max| year <= max)
            }))
        && (filter.ratings.is_open()
            || data.rating.is_some_and(|rating| {
                filter.ratings.min.is_none_or(|min| min <= rating)
                    && filter.ratings.max.is_none_or(|max| rating <= max)
            }))
}

fn sorted<'m>(movies: impl Iterator<Item = &'m Movie>, sort: Sort) -> Vec<&'m Movie> {
    let number = |number: i64| f64::from(i32::try_from(number).unwrap());
    let value = |movie: &Movie| -> Option<f64> {
        match sort.key {
            SortKey::Popularity => movie.data.popularity,
            SortKey::Rating => movie.data.rating,
            SortKey::Votes => movie.data.votes.map(number),
            SortKey::Year => movie.data.year.map(f64::from),
            SortKey::Created => Some(number(movie.created_at.unix_ms())),
            SortKey::Title => Some(0.0),
        }
    };
    let mut sorted: Vec<&Movie> = movies.collect();
    sorted.sort_by(|a, b| {
        let (x, y) = (value(a), value(b));
        let titles = match sort.key {
            SortKey::Title => sort_key(&a.data.title).cmp(&sort_key(&b.data.title)),
            _ => std::cmp::Ordering::Equal,
        };
        let ascending = x.partial_cmp(&y).unwrap().then(titles).then(a.id.cmp(&b.id));
        let directed = if sort.descending { ascending.reverse() } else { ascending };
        y.is_some().cmp(&x.is_some()).then(directed)
    });
    sorted
}

fn listed(movie: &Movie) -> Movie {
    let mut movie = movie.clone();
    movie.data.cast = Vec::new();
    movie.data.synopsis = None;
    movie
}

/// Whether a movie has a word, spelled exactly.
fn has_word(movie: &Movie, wanted: &str) -> bool {
    let data = &movie.data;
    let lists = [&data.directors, &data.cast, &data.genres];
    let texts = [Some(&data.title), data.synopsis.as_ref()].into_iter().flatten();
    let texts = texts.chain(lists.into_iter().flatten());
    texts
        .into_iter()
        .flat_map(|text| words(text))
        .any(|word| word.joined() == wanted || word.parts.iter().any(|part| part.text == wanted))
}

/// Follows a list to its end and back.
fn walk(
    mut page: impl FnMut(
        Option<crate::domain::cursor::Position>,
    ) -> (Vec<i64>, [Option<crate::domain::cursor::Position>; 2]),
) -> (Vec<i64>, Vec<i64>) {
    let mut forwards = Vec::new();
    let mut at = None;
    let mut last;
    loop {
        let (ids, [next, prev]) = page(at);
        forwards.extend(ids);
        last = prev;
        match next {
            Some(next) => at = Some(next),
            None => break,
        }
    }
    let mut backwards = Vec::new();
    while let Some(position) = last {
        let (ids, [_, prev]) = page(Some(position));
        backwards.splice(0..0, ids);
        last = prev;
    }
    (forwards, backwards)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_index_that_was_written_to_answers_like_the_model_and_like_one_built_anew(
        first in proptest::collection::vec(data(), 0..40),
        batches in proptest::collection::vec(writes(), 0..4),
        filter in filters(),
        q in proptest::sample::select(vec![
            "alien", "alien ", "amelie", "star wars", "spiderman", "spider man ", "al", "starwars",
            "tom hanks star", "\"star wars\" -alien", "allien", "wars 1999", "hnaks", "2 wars",
            "star -\"star wars\"", "bjrok aliens drama",
        ]),
        sort in 0usize..12,
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut model: BTreeMap<i64, Movie> =
            (1..).zip(first).map(|(id, data)| (id, movie(id, data))).collect();
        let index = build(home.path(), model.values());
        for (n, batch) in (2..).zip(batches) {
            let mut changes = Vec::new();
            for (id, data) in batch {
                if let Some(data) = data {
                    let movie = movie(id, data);
                    changes.push(Change::Put(Box::new(movie.clone())));
                    model.insert(id, movie);
                } else {
                    changes.push(Change::Delete(MovieId::new(id).unwrap()));
                    model.remove(&id);
                }
            }
            index.apply(&changes, revision(n)).unwrap();
            prop_assert_eq!(index.revision(), revision(n));
        }
        let again = tempfile::tempdir().unwrap();
        let anew = build(again.path(), model.values());

        // Lists: rows, order, total and both directions, against the model.
        let sort = Sort { key: SortKey::ALL[sort % 6], descending: sort >= 6 };
        let mut given = pairs(&filter);
        given.push(("sort".into(), sort.to_string()));
        given.push(("limit".into(), "3".into()));
        let list = ListQuery::from_pairs(given).unwrap();
        let expected = sorted(model.values().filter(|movie| matches(&list.filter, movie)), sort);
        let ids: Vec<i64> = expected.iter().map(|movie| movie.id.get()).collect();
        let (forwards, backwards) = walk(|at| {
            let start = at.map_or(Start::First, Start::At);
            let page = index.list(&ListQuery { start, ..list.clone() }).unwrap().value;
            assert_eq!(page.total, Total::Exact(expected.len() as u64));
            (page.movies.iter().map(|movie| movie.id.get()).collect(), [page.next, page.prev])
        });
        prop_assert_eq!(&forwards, &ids);
        prop_assert_eq!(&backwards[..], &ids[..backwards.len()]);
        let page = index.list(&ListQuery { start: Start::Page(2), ..list.clone() }).unwrap().value;
        let rows: Vec<Movie> = expected.iter().skip(3).take(3).map(|movie| listed(movie)).collect();
        prop_assert_eq!(page.movies, rows);

        // Searches: the same as from an index built anew.
        let mut given = pairs(&filter);
        given.push(("q".into(), q.into()));
        given.push(("limit".into(), "4".into()));
        given.push(("facets".into(), "genre,decade,country,language,rating".into()));
        given.push(("highlight".into(), "true".into()));
        let found = SearchQuery::from_pairs(given.clone()).unwrap();
        let one = index.search(&found).unwrap().value;
        prop_assert_eq!(&one, &anew.search(&found).unwrap().value);
        let (forwards, backwards) = walk(|at| {
            let start = at.map_or(SearchStart::First, SearchStart::At);
            let page = index.search(&SearchQuery { start, ..found.clone() }).unwrap().value;
            assert_eq!(page.total, one.total);
            assert_eq!(page.facets, one.facets);
            (page.rows.iter().map(|row| row.movie.id.get()).collect(), [page.next, page.prev])
        });
        prop_assert_eq!(forwards.len() as u64, one.total);
        prop_assert_eq!(&backwards[..], &forwards[..backwards.len()]);
        let mut distinct = forwards.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), forwards.len());

        // In another order: the same movies, sorted.
        given.push(("sort".into(), sort.to_string()));
        let other = SearchQuery::from_pairs(given).unwrap();
        let (by_value, _) = walk(|at| {
            let start = at.map_or(SearchStart::First, SearchStart::At);
            let page = index.search(&SearchQuery { start, ..other.clone() }).unwrap().value;
            (page.rows.iter().map(|row| row.movie.id.get()).collect(), [page.next, page.prev])
        });
        let movies = forwards.iter().map(|id| &model[id]);
        let expected: Vec<i64> = sorted(movies, sort).iter().map(|movie| movie.id.get()).collect();
        prop_assert_eq!(by_value, expected);

        // Facets: against the model, over the movies that were found.
        let found: Vec<&Movie> = forwards.iter().map(|id| &model[id]).collect();
        for (facet, counts) in &one.facets {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for movie in &found {
                let mut values: Vec<String> = match facet {
                    Facet::Genre => movie.data.genres.iter().map(|name| name_key(name)).collect(),
                    Facet::Country => movie.data.countries.iter().map(|name| name_key(name)).collect(),
                    Facet::Language => movie.data.languages.iter().map(|name| name_key(name)).collect(),
                    Facet::Decade => movie.data.year.iter().map(|year| (year / 10 * 10).to_string()).collect(),
                    Facet::Rating => movie.data.rating.iter().map(|rating| rating.floor().to_string()).collect(),
                };
                values.sort();
                values.dedup();
                for value in values {
                    *expected.entry(value).or_default() += 1;
                }
            }
            let counts: BTreeMap<String, u64> =
                counts.iter().map(|count| (name_key(&count.value), count.movies)).collect();
            prop_assert_eq!(counts, expected);
        }
    }

    #[test]
    fn a_quoted_word_finds_exactly_the_movies_that_have_it(
        movies in proptest::collection::vec(data(), 0..40),
        word in proptest::sample::select(vec!["alien", "amélie", "spiderman", "man", "jeunet", "1999"]),
        filter in filters(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let movies: Vec<Movie> = (1..).zip(movies).map(|(id, data)| movie(id, data)).collect();
        let index = build(home.path(), &movies);
        let mut given = pairs(&filter);
        given.push(("q".into(), format!("\"{word}\"")));
        let query = SearchQuery::from_pairs(given).unwrap();
        let expected = movies.iter().filter(|movie| {
            has_word(movie, &fold(word)) && matches(&query.filter, movie)
        });
        prop_assert_eq!(index.search(&query).unwrap().value.total, expected.count() as u64);
    }
}

#[test]
fn positions_of_pages_that_came_to_be_empty_lead_back() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &[titled(1, "Alien"), titled(2, "Alien")]);
    let one = query(&[("q", "alien"), ("limit", "1")]);
    let next = index.search(&one).unwrap().value.next.unwrap();
    assert_eq!((next.side, next.id.get()), (Side::After, 1));
    assert!(matches!(next.value, SortValue::Integer(_)));
    index.apply(&[Change::Delete(MovieId::new(2).unwrap())], revision(2)).unwrap();
    let after = SearchQuery { start: SearchStart::At(next), ..one.clone() };
    let page = index.search(&after).unwrap().value;
    assert!(page.rows.is_empty() && page.next.is_none());
    let before = SearchQuery { start: SearchStart::At(page.prev.unwrap()), ..one };
    assert_eq!(titles(&index.search(&before).unwrap().value), ["Alien"]);
}

#[test]
fn pages_in_any_order_are_of_the_stage_that_the_first_one_was_of() {
    let home = tempfile::tempdir().unwrap();
    let exact = (1..=9).map(|id| titled(id, "Metropolis"));
    let movies: Vec<Movie> = exact.chain((10..=15).map(|id| titled(id, "Metropolit"))).collect();
    let index = build(home.path(), &movies);
    for sort in ["relevance", "-votes", "title"] {
        let one = query(&[("q", "metropolis "), ("limit", "5"), ("sort", sort)]);
        let first = index.search(&one).unwrap().value;
        assert_eq!(first.total, 15, "nine are too few to be trusted");
        let another = Change::Put(Box::new(titled(16, "Metropolis")));
        index.apply(&[another], revision(2)).unwrap();
        assert_eq!(index.search(&one).unwrap().value.total, 10);
        let (mut next, mut rows) = (first.next, first.rows.len());
        while let Some(position) = next {
            let page = SearchQuery { start: SearchStart::At(position), ..one.clone() };
            let page = index.search(&page).unwrap().value;
            assert_eq!(page.total, 16, "{sort}");
            rows += page.rows.len();
            next = page.next;
        }
        assert!(rows >= 15, "{sort}: {rows}");
        index.apply(&[Change::Delete(MovieId::new(16).unwrap())], revision(3)).unwrap();
    }
}

#[test]
fn a_quoted_word_is_never_left_out() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &[titled(1, "Metropolis"), titled(2, "The Tarantino Story")]);
    let found = |q| index.search(&query(&[("q", q)])).unwrap().value.total;
    assert_eq!(found("metropolis tarantino story"), 1);
    assert_eq!(found("metropolis tarantino"), 2);
    for q in ["\"metropolis\" tarantino ", "\"metropolis\" tarantino story "] {
        assert_eq!(found(q), 0, "{q}");
    }
    assert_eq!(found("\"story\" tarantino metropolis "), 1);
}

#[test]
fn a_year_that_is_left_out_is_a_movies_year_and_a_word_of_a_title() {
    let of = |id, title: &str, year| {
        movie(id, MovieData { title: title.to_owned(), year: Some(year), ..MovieData::default() })
    };
    let movies = [
        of(1, "Solaris", 1972),
        of(2, "Solaris", 2002),
        of(3, "Solaris 2002", 2020),
        of(4, "Solaris", 1985),
    ];
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &movies);
    let years = |q| {
        let page = search(&index, &[("q", q), ("sort", "year")]);
        page.rows.iter().filter_map(|row| row.movie.data.year).collect::<Vec<_>>()
    };
    assert_eq!(years("solaris -2002"), [1972, 1985]);
    assert_eq!(years("solaris -1980s"), [1972, 2002, 2020]);
    assert_eq!(years("solaris -\"2002\""), [1972, 1985, 2002], "a quoted one is a word");
}

#[test]
fn a_letter_that_stands_for_two_is_marked_once() {
    let home = tempfile::tempdir().unwrap();
    let movies = ["ໜັງໝານ້ອຍ", "ໜັງ", "さゟら"];
    let movies: Vec<Movie> = (1..).zip(movies).map(|(id, title)| titled(id, title)).collect();
    let index = build(home.path(), &movies);
    for (q, letter, found) in
        [("ໜັງ", "<em>ໜັ</em>", 2), ("\"ໜັງ\"", "<em>ໜັ", 2), ("ゟ", "<em>ゟ</em>", 1)]
    {
        let page = search(&index, &[("q", q), ("highlight", "true")]);
        assert_eq!(page.rows.len(), found, "{q}");
        for row in &page.rows {
            let marked = row.highlights.as_ref().unwrap().title.as_deref().unwrap();
            assert!(marked.contains(letter) || marked.contains("<em>ໜັງ</em>"), "{q}: {marked}");
            assert_eq!(marked.replace("<em>", "").replace("</em>", ""), row.movie.data.title);
        }
    }
}
