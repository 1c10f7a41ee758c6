//! The known items that search is judged by, held against the bundled catalogue: each film that a
//! query asks for is there, and each line says something new.
//!
//! **Invariant:** this file knows nothing of search; it checks the questions, not the answers.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io::{BufRead, BufReader},
};

use flate2::read::GzDecoder;

const KNOWN_ITEMS: &str = "tests/it/search/known_items.tsv";
const CATALOGUE: &str = "data/catalog.jsonl.gz";

/// What queries are of, and how many of each there are at least.
const KINDS: [(&str, usize); 10] = [
    ("misspelt", 100),
    ("partial", 60),
    ("order", 30),
    ("year", 40),
    ("punctuation", 40),
    ("foreign", 30),
    ("prefix", 30),
    ("person_title", 40),
    ("actor", 40),
    ("director_genre", 60),
];

#[test]
fn known_items_are_films_of_the_bundled_catalogue() {
    let stored = stored_ids();
    let text = fs::read_to_string(KNOWN_ITEMS).expect("the list of known items");
    let mut queries = HashSet::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [query, ids, kind] = cells[..] else { panic!("three cells: {line:?}") };
        assert!(!query.is_empty() && query.trim() == query, "{line:?}");
        assert!(queries.insert(query), "asked twice: {query:?}");
        let mut named = HashSet::new();
        for id in ids.split(',') {
            assert!(stored.contains(id), "{query:?}: no film {id} in the catalogue");
            assert!(named.insert(id), "{query:?} names {id} twice");
        }
        *kinds.entry(kind).or_default() += 1;
    }
    for (kind, least) in KINDS {
        let there = kinds.remove(kind).unwrap_or(0);
        assert!(there >= least, "{there} queries of kind {kind}, {least} wanted");
    }
    assert!(kinds.is_empty(), "unknown kinds: {kinds:?}");
}

fn stored_ids() -> HashSet<String> {
    let file = File::open(CATALOGUE).expect("the bundled catalogue");
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .map(|line| {
            let object: serde_json::Value =
                serde_json::from_str(&line.expect("text")).expect("a film");
            object["imdb_id"].as_str().expect("an id").to_owned()
        })
        .collect()
}
