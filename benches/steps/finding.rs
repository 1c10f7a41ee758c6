//! Searches and suggestions, on an index and suggestions of made-up movies.

use std::hint::black_box;

use marquee::{
    domain::{
        clock::Moment,
        movie::{Movie, MovieId},
        revision::Revision,
        search::SearchQuery,
        suggest::SuggestQuery,
    },
    exchange::synthetic::Synthetic,
    search::{
        BuildOptions, Folder,
        suggest::{Options, Suggester},
    },
};

use super::Step;

const MOVIES: u64 = 2_000;

/// Of what the index answers.
pub(super) fn steps() -> Vec<Step> {
    vec![
        Step { name: "search/one genre", make: || search("drama") },
        Step { name: "search/two words", make: || search("comedy 1999") },
        Step { name: "suggest/two letters", make: || suggest("th") },
        Step { name: "suggest/misspelt", make: || suggest("teh last") },
    ]
}

fn movies() -> impl Iterator<Item = Movie> {
    let at = Moment::from_unix_ms(1_700_000_000_000);
    (0..MOVIES).zip(1..).map(move |(number, id)| Movie {
        id: MovieId::new(id).expect("positive"),
        data: Synthetic::new(MOVIES, 1).movie(number),
        version: 1,
        created_at: at,
        updated_at: at,
    })
}

fn search(text: &str) -> Box<dyn FnMut()> {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::take(place.path()).expect("a folder");
    let options = BuildOptions { threads: 1, memory_bytes: 64 << 20 };
    let mut builder = folder.build("steps", options).expect("a builder");
    movies().for_each(|movie| builder.add(&movie).expect("a movie is added"));
    let index = builder.finish(Revision::new(1).expect("positive")).expect("an index");
    let query = SearchQuery::from_pairs(vec![("q".to_owned(), text.to_owned())]).expect("a search");
    Box::new(move || {
        let _ = &place; // goes when this goes
        black_box(index.search(black_box(&query)).expect("an answer"));
    })
}

fn suggest(text: &str) -> Box<dyn FnMut()> {
    let suggester = Suggester::new(Options::default());
    let mut builder = suggester.builder();
    movies().for_each(|movie| builder.add(movie.id, &movie.data));
    assert!(builder.publish(), "there is one build only");
    let query = SuggestQuery::from_pairs(vec![("q".to_owned(), text.to_owned())]).expect("a query");
    Box::new(move || {
        black_box(suggester.suggest(black_box(&query)));
    })
}
