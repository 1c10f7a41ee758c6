//! Whether the film that somebody has in mind is among the first, on real films.

use std::{collections::BTreeMap, fs::File, io::BufReader};

use flate2::read::GzDecoder;

use super::*;
use crate::{
    domain::movie_json::{Reading, read},
    search::tokens::is_filler,
};

/// A query, a tab, the `IMDb` ids of the films that are right, and of the second file what kind of query it is.
const KNOWN: [&str; 2] =
    [include_str!("known_items.tsv"), include_str!("../../../tests/it/search/known_items.tsv")];
/// So many of the queries of each kind have a right film among the first three.
const FOUND_MIN_PERCENT: usize = 95;

fn films() -> Vec<Movie> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/catalog.jsonl.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap()));
    let values = serde_json::Deserializer::from_reader(lines).into_iter::<serde_json::Map<_, _>>();
    let data = values.map(|object| read(&object.unwrap(), Reading::Strict).unwrap().data);
    (1..).zip(data).map(|(id, data)| movie(id, data)).collect()
}

fn known() -> impl Iterator<Item = (&'static str, Vec<&'static str>, &'static str)> {
    let lines = KNOWN.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut columns = line.split('\t');
        let (q, right) = (columns.next()?, columns.next()?.split(',').collect());
        Some((q, right, columns.next().unwrap_or("mixed")))
    })
}

fn ids(page: &SearchPage) -> Vec<&str> {
    let rows = page.rows.iter().map(|row| row.movie.data.imdb_id.as_ref());
    rows.map(|id| id.map_or("", |id| id.as_str())).collect()
}

#[test]
fn films_are_found_as_people_look_for_them() {
    let home = tempfile::tempdir().unwrap();
    let films = films();
    let index = build(home.path(), &films);
    let mut missed = Vec::new();
    let mut kinds: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (q, right, kind) in known() {
        let page = search(&index, &[("q", q), ("limit", "3")]);
        let is_found = ids(&page).iter().any(|id| right.contains(id));
        if !is_found {
            missed.push(format!("{kind}, {q:?}: {:?}", titles(&page)));
        }
        let of_kind = kinds.entry(kind).or_default();
        of_kind[0] += usize::from(is_found);
        of_kind[1] += 1;
    }
    eprintln!("{kinds:?}; missed:\n{}", missed.join("\n"));
    assert!(kinds.values().map(|[_, count]| count).sum::<usize>() > 800, "{kinds:?}");
    for (kind, [found, count]) in &kinds {
        assert!(found * 100 >= count * FOUND_MIN_PERCENT, "{kind}: {found} of {count}");
    }

    first_of_all(&index);
    people_and_not_their_namesakes(&index, &films);
    what_comes_with_it(&index);
}

/// Queries whose first row is beyond doubt.
fn first_of_all(index: &Index) {
    for (q, title) in [
        ("2001: A Space Odyssey", "2001: A Space Odyssey"),
        ("Blade Runner", "Blade Runner"),
        ("wall·e", "WALL-E"),
        ("WALLE", "WALL-E"),
        ("spiderman", "Spider-Man"),
        ("amelie", "Amélie"),
        ("solaris 2002", "Solaris"),
        ("seven", "Seven"),
        ("the godfather 2", "The Godfather Part II"),
        ("star wars 1977", "Star Wars: Episode IV – A New Hope"),
        ("x-men", "X-Men"),
        ("x men", "X-Men"),
        ("xmen", "X-Men"),
        ("spider-man", "Spider-Man"),
        ("spider man", "Spider-Man"),
        ("spider-man 2", "Spider-Man 2"),
        ("\"la confidential\"", "L.A. Confidential"),
        ("oceans 13", "Ocean's Thirteen"),
        ("16 candles", "Sixteen Candles"),
        ("24 eyes", "Twenty-Four Eyes"),
        ("catch twenty two", "Catch-22"),
        ("\"the end\"", "The End"),
        ("9", "9"),
        ("9 2009", "9"),
        ("10", "10"),
        ("nine", "Nine"),
        ("alien3", "Alien 3"),
        ("rocky2", "Rocky II"),
        ("scream3", "Scream 3"),
        ("toystory3", "Toy Story 3"),
        ("matrix the", "The Matrix"),
        ("shaun of the ded", "Shaun of the Dead"),
        ("ran man", "Rain Man"),
        ("tlk to her", "Talk to Her"),
        ("hgh tension", "High Tension"),
        ("rde along", "Ride Along"),
        ("teh matrix", "The Matrix"),
        ("ghandi", "Gandhi"),
        ("pacific rmi", "Pacific Rim"),
        ("chicken rnu", "Chicken Run"),
        ("syp kids", "Spy Kids"),
        ("dei hard", "Die Hard"),
        ("rde dragon", "Red Dragon"),
    ] {
        let page = search(index, &[("q", q)]);
        assert_eq!(titles(&page).first(), Some(&title), "{q}: {:?}", titles(&page));
    }
    let solaris = search(index, &[("q", "solaris 2002")]);
    assert_eq!(solaris.rows[0].movie.data.year, Some(2002));
    for q in [
        "1980s horror",
        "horror movies of the 80s",
        "horror 1980's ",
        "eighties horror",
        "horror 1980-1989",
    ] {
        let page = search(index, &[("q", q), ("limit", "20")]);
        assert_eq!(page.rows.len(), 20, "{q}");
        for row in page.rows {
            let (year, genres) = (row.movie.data.year, &row.movie.data.genres);
            assert!((1980..=1989).contains(&year.unwrap()), "{q}: {:?}", row.movie.data.title);
            assert!(genres.iter().any(|genre| genre.as_str() == "Horror"), "{q}: {genres:?}");
        }
    }
}

/// Queries whose first rows are all of one person.
fn people_and_not_their_namesakes(index: &Index, films: &[Movie]) {
    for (q, name) in [
        ("jack black", "Jack Black"),
        ("samuel jackson", "Samuel L. Jackson"),
        ("emma thompson", "Emma Thompson"),
        ("thompson emma", "Emma Thompson"),
        ("robin williams", "Robin Williams"),
        ("morgan freeman", "Morgan Freeman"),
        ("jim carey", "Jim Carrey"),
        ("daniel day louis", "Daniel Day-Lewis"),
        ("deniro", "Robert De Niro"),
        ("vandamme", "Jean-Claude Van Damme"),
        ("tomcruise", "Tom Cruise"),
    ] {
        let page = search(index, &[("q", q), ("limit", "3")]);
        assert_eq!(page.rows.len(), 3, "{q}");
        for row in &page.rows {
            let film = films.iter().find(|film| film.id == row.movie.id).unwrap();
            let mut names = film.data.cast.iter().chain(&film.data.directors);
            assert!(names.any(|of| of == name), "{q}: {:?}", titles(&page));
        }
    }
}

fn what_comes_with_it(index: &Index) {
    let page = search(index, &[("q", "tom hanks "), ("highlight", "true"), ("facets", "genre")]);
    assert!(page.total > 20);
    let highlights = page.rows[0].highlights.clone().unwrap();
    assert_eq!(highlights.cast, ["<em>Tom</em> <em>Hanks</em>"]);
    let genres = &page.facets[0].1;
    for count in genres {
        let chosen = search(index, &[("q", "tom hanks "), ("genre", &count.value)]);
        assert_eq!(chosen.total, count.movies, "{}", count.value);
    }
    let nothing = search(index, &[("q", "godfxxxer")]);
    assert!(nothing.rows.is_empty());
    assert_eq!(nothing.did_you_mean.as_deref(), Some("godfather"));
    for (q, meant) in
        [("ratatooie 2007", "ratatouille 2007"), ("\"pacific rmi\"", "\"pacific rim\"")]
    {
        let page = search(index, &[("q", q)]);
        assert_eq!((page.total, page.did_you_mean.as_deref()), (0, Some(meant)), "{q}");
    }
    for (q, title) in [
        ("starwars", "<em>Star Wars</em>"),
        ("la confidential", "<em>L.A</em>. <em>Confidential</em>"),
        ("the godfather part ii", "The <em>Godfather</em> <em>Part</em> <em>II</em>"),
    ] {
        let page = search(index, &[("q", q), ("highlight", "true")]);
        let marked = page.rows[0].highlights.clone().unwrap().title.unwrap();
        assert!(marked.starts_with(title), "{q}: {marked}");
    }
    let short = search(index, &[("q", "lat ")]).did_you_mean.unwrap();
    assert!(!is_filler(&short), "{short}");
    let none = search(index, &[("q", "qqqqqqqq")]);
    assert_eq!((none.total, none.did_you_mean), (0, None));
}
