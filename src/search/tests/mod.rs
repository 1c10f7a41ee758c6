//! The index as a whole: against a model, on real films, and with its files gone.

mod folder;
mod model;
mod relevance;
mod stages;

use std::path::Path;

use crate::domain::{
    clock::Moment,
    movie::{Movie, MovieData, MovieId},
    revision::Revision,
    search::{SearchPage, SearchQuery},
};

use super::{BuildOptions, Folder, Index, Opened};

const EPOCH: &str = "epoch";
const OPTIONS: BuildOptions = BuildOptions { threads: 1, memory_bytes: 0 };

fn movie(id: i64, data: MovieData) -> Movie {
    let at = Moment::from_unix_ms(1_000_000 + id);
    Movie { id: MovieId::new(id).unwrap(), data, version: 1, created_at: at, updated_at: at }
}

fn titled(id: i64, title: &str) -> Movie {
    movie(id, MovieData { title: title.to_owned(), ..MovieData::default() })
}

fn revision(raw: i64) -> Revision {
    Revision::new(raw).unwrap()
}

fn build<'m>(path: &Path, movies: impl IntoIterator<Item = &'m Movie>) -> Index {
    let folder = Folder::take(path).unwrap();
    let mut builder = folder.build(EPOCH, OPTIONS).unwrap();
    movies.into_iter().for_each(|movie| builder.add(movie).unwrap());
    builder.finish(revision(1)).unwrap()
}

fn query(pairs: &[(&str, &str)]) -> SearchQuery {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    SearchQuery::from_pairs(pairs.collect()).unwrap()
}

fn search(index: &Index, pairs: &[(&str, &str)]) -> SearchPage {
    index.search(&query(pairs)).unwrap().value
}

fn titles(page: &SearchPage) -> Vec<&str> {
    page.rows.iter().map(|row| row.movie.data.title.as_str()).collect()
}

fn ready(opened: Opened) -> Index {
    match opened {
        Opened::Ready(index) => index,
        other => panic!("{other:?}"),
    }
}
