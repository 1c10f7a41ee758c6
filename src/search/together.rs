//! Whether a movie has the words of a search together, or only somewhere.
//!
//! A cast has some forty words, and with typing errors there are hundreds: two or three words of a search are
//! found by chance in some movie, each in the name of somebody else. Such a movie is no reason to look no
//! further.

use tantivy::DocId;

use crate::domain::search::{Word, words};

use super::{
    document::{movie, rest},
    error::SearchError,
    matching::{Code, Query},
    phrases::Places,
    schema::{Fields, TextField},
    score::{Found, IN_CAST, IN_DIRECTORS, IN_TITLE, found},
    segment::Part,
};

/// The movies of a segment, which are asked about in ascending order.
pub(super) struct Together<'q> {
    part: &'q Part,
    fields: &'q Fields,
    query: &'q Query,
    places: Places<'q>,
}

impl<'q> Together<'q> {
    pub(super) fn new(part: &'q Part, fields: &'q Fields, query: &'q Query) -> Self {
        Self { part, fields, query, places: Places::new(part, fields, &query.words) }
    }

    /// Whether the words that a movie has, other than its genres and its year, are all in its title, all in one name,
    /// or each of them as it is written where it is unlikely to be by chance.
    pub(super) fn has(&mut self, document: DocId, codes: &[Code]) -> Result<bool, SearchError> {
        let says = |code| !matches!(found(code), Found::InGenres | Found::AsYear);
        let words = codes.iter().zip(&self.query.required).enumerate();
        let words = words.filter(|(_, (code, required))| **required && **code != 0 && says(**code));
        let words: Vec<usize> = words.map(|(word, _)| word).collect();
        let all = |place| words.iter().all(|word| codes[*word] & place != 0);
        if words.len() < 2 || all(IN_TITLE) {
            return Ok(true);
        }
        for (place, field) in [(IN_CAST, TextField::Cast), (IN_DIRECTORS, TextField::Directors)] {
            if all(place) && self.are_one_name(&words, field, document)? {
                return Ok(true);
            }
        }
        self.has_each(document, codes, &words)
    }

    fn has_each(
        &mut self,
        document: DocId,
        codes: &[Code],
        words: &[usize],
    ) -> Result<bool, SearchError> {
        let mut of_names = Vec::new();
        let (mut of_cast, mut begun, mut of_synopsis) = (false, false, false);
        for word in words {
            match found(codes[*word]) {
                Found::InTitle | Found::InGenres | Found::AsYear => {}
                Found::StartsInTitle => begun = true,
                Found::InDirectors => of_names.push(*word),
                Found::InCast => {
                    of_names.push(*word);
                    of_cast = true;
                }
                Found::InSynopsis => of_synopsis = true,
                Found::Roughly => return Ok(false),
            }
        }
        if of_synopsis && (of_cast || begun) {
            return Ok(false);
        }
        Ok(of_names.len() < 2
            || self.are_one_name(&of_names, TextField::Cast, document)?
            || self.are_one_name(&of_names, TextField::Directors, document)?
            || self.are_surnames(&of_names, document)?)
    }

    /// Whether words are one name.
    fn are_one_name(
        &mut self,
        words: &[usize],
        field: TextField,
        document: DocId,
    ) -> Result<bool, SearchError> {
        for pair in words.windows(2) {
            if self.places.near(pair[0], pair[1], field, document)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether each word is the last one of a name: `pitt clooney`, and not `leo dicaprio`.
    fn are_surnames(&self, words: &[usize], document: DocId) -> Result<bool, SearchError> {
        let stored = self.part.base.stored.get(document)?;
        let unreadable = || SearchError::Damaged("a stored movie cannot be read".to_owned());
        let movie = movie(self.fields, &stored).ok_or_else(unreadable)?;
        let rest = rest(self.fields, &stored).ok_or_else(unreadable)?;
        let names = movie.data.directors.iter().chain(&rest.cast);
        let surnames: Vec<Word> = names.filter_map(|name| last_word(name)).collect();
        Ok(words.iter().all(|word| {
            let text = self.query.words[*word].first().map(|wanted| wanted.term.as_slice());
            surnames.iter().any(|surname| is(surname, text.unwrap_or_default()))
        }))
    }
}

fn last_word(name: &str) -> Option<Word> {
    words(name).pop()
}

fn is(word: &Word, text: &[u8]) -> bool {
    word.joined().as_bytes() == text || word.parts.iter().any(|part| part.text.as_bytes() == text)
}
