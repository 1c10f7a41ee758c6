//! What can be asked for: single movies and lists in one order of popularity, words to search for.

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::{Context as _, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    http::Connection,
    random::{Random, Zipf},
};

use super::Options;

/// One rank in so many is a list, as long as there are lists.
const LIST_EVERY: usize = 5;
const SORTS: [&str; 6] = ["-popularity", "-rating", "-votes", "-year", "title", "-created"];
const LIMITS: [u32; 2] = [50, 20];
const PAGES: usize = 12;
/// Searches that are drawn from, the first most often.
const SEARCHES: usize = 5_000;

/// A movie or a list.
#[derive(Debug)]
pub(super) struct Target {
    /// The request but for its empty line.
    pub(super) request: Box<[u8]>,
    /// The movie, if it is one.
    pub(super) id: Option<u64>,
}

/// Movies and lists, the most popular first.
#[derive(Debug)]
pub(super) struct Targets {
    host: SocketAddr,
    by_rank: Vec<Target>,
    zipf: Zipf,
}

impl Targets {
    /// Orders follow from the seed.
    ///
    /// # Errors
    /// Where there are too few movies or lists.
    pub(super) fn new(
        options: &Options,
        genres: &[String],
        mut ids: Vec<u64>,
    ) -> anyhow::Result<Self> {
        let mut random = Random::new(options.seed);
        random.shuffle(&mut ids);
        let mut lists = lists(genres);
        random.shuffle(&mut lists);
        ensure!(lists.len() >= options.lists, "there are {} lists only", lists.len());
        ensure!(ids.len() >= options.urls - options.lists, "there are {} movies only", ids.len());
        lists.truncate(options.lists);
        let host = options.address;
        let list = |path: String| Target { request: head(host, &path), id: None };
        let movie = |id| Target { request: head(host, &format!("/v1/movies/{id}")), id: Some(id) };
        let (mut lists, mut ids) = (lists.into_iter().map(list), ids.into_iter().map(movie));
        let mut of_rank = |rank| {
            let list = if rank % LIST_EVERY == 0 { lists.next() } else { None };
            list.or_else(|| ids.next())
        };
        let by_rank: Vec<Target> = (0..options.urls).map_while(&mut of_rank).collect();
        ensure!(by_rank.len() == options.urls, "there are too few movies and lists");
        let zipf = Zipf::new(by_rank.len(), options.exponent);
        Ok(Self { host, by_rank, zipf })
    }

    pub(super) const fn len(&self) -> usize {
        self.by_rank.len()
    }

    /// A target and its rank.
    pub(super) fn draw(&self, random: &mut Random) -> (usize, &Target) {
        let rank = self.zipf.rank(random);
        (rank, &self.by_rank[rank])
    }

    /// A movie; popular ones are edited most.
    pub(super) fn draw_movie(&self, random: &mut Random) -> u64 {
        loop {
            if let Some(id) = self.draw(random).1.id {
                return id;
            }
        }
    }

    /// Puts the head of a request for a path into `request`, but for its empty line.
    pub(super) fn ask_for(&self, request: &mut Vec<u8>, path: &str) {
        request.extend_from_slice(&head(self.host, path));
    }
}

fn head(host: SocketAddr, path: &str) -> Box<[u8]> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n").into_bytes().into()
}

/// Every list that may be asked for: of all and of each genre, in each order, so many rows a page, the
/// first pages.
fn lists(genres: &[String]) -> Vec<String> {
    let mut lists = Vec::new();
    let all = std::iter::once(None).chain(genres.iter().map(Some));
    for genre in all {
        for sort in SORTS {
            for limit in LIMITS {
                for page in 1..=PAGES {
                    let mut path = format!("/v1/movies?sort={sort}&limit={limit}&page={page}");
                    if let Some(genre) = genre {
                        let _ = write!(path, "&genre={}", encoded(genre)); // cannot fail
                    }
                    lists.push(path);
                }
            }
        }
    }
    lists
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// The genres that there are.
///
/// # Errors
/// Where the service does not say.
pub(super) async fn genres(connection: &mut Connection) -> anyhow::Result<Vec<String>> {
    let answer = get(connection, "/v1/genres").await?;
    let rows = answer["data"].as_array().context("genres are a list")?;
    Ok(rows.iter().filter_map(|row| Some(row["name"].as_str()?.to_owned())).collect())
}

/// What people type.
#[derive(Debug)]
pub(super) struct Words {
    searches: Vec<String>,
    suggestions: Vec<String>,
    zipf: Zipf,
}

impl Words {
    /// Words of titles and directors that the service has, and what is typed on the way to them.
    ///
    /// # Errors
    /// Where the service does not say.
    pub(super) async fn of(connection: &mut Connection, seed: u64) -> anyhow::Result<Self> {
        let mut texts = Vec::new();
        for page in 1..=6 {
            let list = get(connection, &format!("/v1/movies?limit=500&page={page}")).await?;
            for row in list["data"].as_array().context("a list has rows")? {
                let names = row["directors"].as_array().into_iter().flatten();
                let all = std::iter::once(&row["title"]).chain(names);
                texts.extend(all.filter_map(|text| Some(text.as_str()?.to_lowercase())));
            }
        }
        Random::new(seed).shuffle(&mut texts);
        texts.truncate(SEARCHES);
        ensure!(texts.len() >= 100, "the catalogue is too small to search");
        let searches = texts.iter().map(|text| {
            let first: Vec<&str> = text.split(' ').take(2).collect();
            format!("/v1/search?q={}", encoded(&first.join(" ")))
        });
        let suggestions = texts.iter().enumerate().map(|(n, text)| {
            let typed: String = text.chars().take(2 + n % 6).collect();
            format!("/v1/suggest?q={}", encoded(typed.trim()))
        });
        let (searches, suggestions): (Vec<_>, Vec<_>) = (searches.collect(), suggestions.collect());
        let zipf = Zipf::new(texts.len(), 1.0);
        Ok(Self { searches, suggestions, zipf })
    }

    pub(super) fn search(&self, random: &mut Random) -> &str {
        &self.searches[self.zipf.rank(random)]
    }

    pub(super) fn suggestion(&self, random: &mut Random) -> &str {
        &self.suggestions[self.zipf.rank(random)]
    }
}

async fn get(connection: &mut Connection, path: &str) -> anyhow::Result<Value> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = connection.ask(request.as_bytes()).await.with_context(|| path.to_owned())?;
    ensure!(answer.status == 200, "{path} is answered by {}", answer.status);
    Ok(serde_json::from_slice(answer.body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_another_one() {
        let mut all = lists(&["Drama".to_owned(), "Science Fiction".to_owned()]);
        let count = all.len();
        assert_eq!(count, 3 * SORTS.len() * LIMITS.len() * PAGES);
        assert!(all.iter().any(|list| list.ends_with("genre=Science%20Fiction")));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
