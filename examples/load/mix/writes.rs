//! Writes: which movies are changed, made and deleted, and which are at it just now.

use std::{collections::HashSet, net::SocketAddr};

use serde_json::{Value, json};

use crate::{http::Answer, random::Random};

/// Of a hundred writes: changes of a movie, new movies; the rest delete a movie that was made here.
const CHANGES: u64 = 70;
const CREATES: u64 = 15;

/// Genres that movies get.
const GENRES: [&str; 8] =
    ["Drama", "Comedy", "Action", "Horror", "Romance", "Western", "Crime", "Documentary"];

/// A write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Write {
    Change { id: u64, to: Change },
    Create { title: String, genre: &'static str },
    Delete { id: u64 },
}

/// What becomes of a movie.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Another number of votes: what changes most, and is in few lists' order.
    Votes(u64),
    Title(String),
    /// In place of those that it had.
    Genres([&'static str; 2]),
}

/// What is written, by one process.
#[derive(Debug)]
pub(super) struct Writes {
    random: Random,
    /// Tells this run's films from others'.
    name: String,
    count: u64,
    under_way: HashSet<u64>,
    /// Movies that were made here.
    made: Vec<u64>,
    /// Of a hundred changes, those of a title or of genres.
    edits: u64,
    edited: u64,
    done: [u64; 3],
}

impl Writes {
    /// Of a hundred changes so many, `edits`, are of a movie's title or genres, the others of its votes.
    pub(super) fn new(seed: u64, leg: u64, edits: u64) -> Self {
        Self {
            random: Random::new(seed ^ 0x5eed ^ leg << 32),
            name: format!("{seed}.{leg}"),
            count: 0,
            under_way: HashSet::new(),
            made: Vec::new(),
            edits,
            edited: 0,
            done: [0; 3],
        }
    }

    /// The next write; `movie` draws one that may be changed. `None` where that is being changed just now.
    pub(super) fn choose(&mut self, movie: impl FnOnce() -> u64) -> Option<Write> {
        self.count += 1;
        let which = self.random.number() % 100;
        let write = if which < CHANGES || (which >= CHANGES + CREATES && self.made.is_empty()) {
            Write::Change { id: movie(), to: self.change() }
        } else if which < CHANGES + CREATES {
            let title = format!("The Load of Run {} · {}", self.name, self.count);
            Write::Create { title, genre: GENRES[self.random.below(GENRES.len())] }
        } else {
            let place = self.random.below(self.made.len());
            Write::Delete { id: self.made.swap_remove(place) }
        };
        match write.id() {
            Some(id) if !self.under_way.insert(id) => None,
            _ => Some(write),
        }
    }

    /// Votes and titles are never what they were before, so that each change is one.
    fn change(&mut self) -> Change {
        if self.random.number() % 100 >= self.edits {
            Change::Votes(1_000_000 + self.count)
        } else if self.random.per_million(500_000) {
            Change::Title(format!("Title {} of Run {}", self.count, self.name))
        } else {
            let first = self.random.below(GENRES.len());
            let other = (first + 1 + self.random.below(GENRES.len() - 1)) % GENRES.len();
            Change::Genres([GENRES[first], GENRES[other]])
        }
    }

    pub(super) fn is_under_way(&self, id: u64) -> bool {
        self.under_way.contains(&id)
    }

    pub(super) fn done(&mut self, write: &Write, answer: &Answer<'_>) {
        if let Some(id) = write.id() {
            self.under_way.remove(&id);
        }
        if answer.status != write.status() {
            return;
        }
        self.done[write.kind()] += 1;
        self.edited += u64::from(write.is_edit());
        if let (Write::Create { .. }, Some(id)) = (write, member(answer.body, "id")) {
            self.made.push(id);
        }
    }

    pub(super) fn found(&self) -> Value {
        let [changes, creates, deletes] = self.done;
        json!({ "changes": changes, "edits": self.edited, "creates": creates, "deletes": deletes })
    }
}

impl Write {
    pub(super) const fn id(&self) -> Option<u64> {
        match self {
            Self::Change { id, .. } | Self::Delete { id } => Some(*id),
            Self::Create { .. } => None,
        }
    }

    /// The status of the answer to a write that was done.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Change { .. } => 200,
            Self::Create { .. } => 201,
            Self::Delete { .. } => 204,
        }
    }

    const fn is_edit(&self) -> bool {
        matches!(self, Self::Change { to: Change::Title(_) | Change::Genres(_), .. })
    }

    const fn kind(&self) -> usize {
        match self {
            Self::Change { .. } => 0,
            Self::Create { .. } => 1,
            Self::Delete { .. } => 2,
        }
    }

    /// Puts the request into `into`.
    pub(super) fn request(&self, host: SocketAddr, into: &mut Vec<u8>) {
        let (line, body) = match self {
            Self::Change { id, to } => (format!("PATCH /v1/movies/{id}"), to.patch().to_string()),
            Self::Create { title, genre } => (
                "POST /v1/movies".to_owned(),
                json!({ "title": title, "year": 2026, "genres": [genre] }).to_string(),
            ),
            Self::Delete { id } => (format!("DELETE /v1/movies/{id}"), String::new()),
        };
        let framing = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        let text = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n{body}");
        into.extend_from_slice(text.as_bytes());
    }
}

impl Change {
    fn patch(&self) -> Value {
        match self {
            Self::Votes(votes) => json!({ "votes": votes }),
            Self::Title(title) => json!({ "title": title }),
            Self::Genres(genres) => json!({ "genres": genres }),
        }
    }
}

/// A number in a movie's JSON. The last of that name: no text of a movie comes after its `version`, and
/// `id` is asked for where titles are our own.
pub(super) fn member(json: &[u8], name: &str) -> Option<u64> {
    let at = memchr::memmem::rfind(json, format!("\"{name}\":").as_bytes())?;
    let digits = &json[at + name.len() + 3..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movie_is_written_by_one_at_a_time() {
        let mut writes = Writes::new(1, 0, 0);
        let first = (0..).find_map(|_| {
            writes.choose(|| 7).filter(|write| matches!(write, Write::Change { .. }))
        });
        assert!(writes.is_under_way(7));
        for _ in 0..50 {
            let write = writes.choose(|| 7);
            assert!(!matches!(write, Some(Write::Change { .. })), "{write:?}");
        }
        let answer = Answer {
            status: 200,
            etag: b"",
            revision: None,
            cache_status: b"",
            served_by: b"",
            body: b"",
        };
        writes.done(&first.unwrap(), &answer);
        assert!(!writes.is_under_way(7));
    }

    #[test]
    fn so_many_changes_are_of_titles_and_genres_and_no_genre_comes_twice() {
        let mut writes = Writes::new(1, 0, 30);
        let changes: Vec<Change> = (0..1_000).map(|_| writes.change()).collect();
        let edits = changes.iter().filter(|change| !matches!(change, Change::Votes(_))).count();
        assert!((250..350).contains(&edits), "{edits}");
        for change in changes {
            if let Change::Genres([first, other]) = change {
                assert_ne!(first, other);
            }
        }
    }

    #[test]
    fn numbers_are_found_in_a_movies_json() {
        let json = br#"{"id":42,"title":"\"version\":9","version":3,"created_at":"x"}"#;
        assert_eq!((member(json, "id"), member(json, "version")), (Some(42), Some(3)));
        assert_eq!(member(json, "none"), None);
    }
}
