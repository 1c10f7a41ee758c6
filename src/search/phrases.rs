//! Where words stand: phrases that a movie must have or lack, and words side by side.

use tantivy::{
    DocId, DocSet,
    postings::{Postings, SegmentPostings},
    schema::IndexRecordOption,
};

use super::{
    beside::{Beside, neighbours},
    error::SearchError,
    matching::{Code, Wanted},
    schema::{Fields, TextField},
    score::{IN_CAST, IN_DIRECTORS, IN_TITLE},
    segment::Part,
};

/// Most terms of a word whose places are looked at in a field: the word itself comes first.
const LISTS_MAX: usize = 24;
/// How many words of the text may stand between two that are neighbours in the query.
const BETWEEN_MAX: u32 = 1;

/// Words that stand one after the other.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    pub(super) words: Vec<Vec<Wanted>>,
    /// Movies that have it are left out.
    pub(super) negative: bool,
}

/// The places of words in the movies of a segment, which are asked for in ascending order.
pub(super) struct Places<'q> {
    part: &'q Part,
    fields: &'q Fields,
    words: &'q [Vec<Wanted>],
    /// By word and field; opened when first asked for.
    lists: Vec<Option<Vec<SegmentPostings>>>,
    one: Vec<u32>,
    two: Vec<u32>,
}

impl<'q> Places<'q> {
    pub(super) fn new(part: &'q Part, fields: &'q Fields, words: &'q [Vec<Wanted>]) -> Self {
        let lists = (0..words.len() * TextField::ALL.len()).map(|_| None).collect();
        Self { part, fields, words, lists, one: Vec::new(), two: Vec::new() }
    }

    fn read(
        &mut self,
        word: usize,
        field: TextField,
        document: DocId,
        places: &mut Vec<u32>,
    ) -> Result<(), SearchError> {
        places.clear();
        let at = word * TextField::ALL.len() + field as usize;
        let lists = match &mut self.lists[at] {
            Some(lists) => lists,
            none => none.insert(open(self.part, self.fields, &self.words[word], field)?),
        };
        for postings in lists {
            let mut found = postings.doc();
            if found < document {
                found = postings.seek(document);
            }
            if found == document {
                postings.append_positions_with_offset(0, places);
            }
        }
        places.sort_unstable();
        Ok(())
    }

    /// Whether all words stand one after the other in one of the fields.
    pub(super) fn in_sequence(&mut self, document: DocId) -> Result<bool, SearchError> {
        let (mut starts, mut next) = (Vec::new(), Vec::new());
        for field in TextField::ALL {
            self.read(0, field, document, &mut starts)?;
            for word in 1..self.words.len() {
                if starts.is_empty() {
                    break;
                }
                self.read(word, field, document, &mut next)?;
                let shift = u32::try_from(word).unwrap_or(u32::MAX);
                starts.retain(|start| next.binary_search(&(start + shift)).is_ok());
            }
            if !starts.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Which of the words stand side by side.
    pub(super) fn beside(
        &mut self,
        document: DocId,
        codes: &[Code],
        required: &[bool],
    ) -> Result<Beside, SearchError> {
        let mut beside = Beside::none_of(codes);
        for (one, two) in neighbours(codes, required) {
            let common = codes[one] & codes[two];
            let mut near = |field| self.near(one, two, field, document);
            if common & IN_TITLE != 0
                && let Some(place) = near(TextField::Title)?
            {
                beside.in_title += 1;
                // One filler may stand before it.
                beside.title_begins |= beside.in_title == 1 && place <= 1;
            }
            if common & IN_CAST != 0 && near(TextField::Cast)?.is_some() {
                beside.in_cast += 1;
            } else if common & IN_DIRECTORS != 0 && near(TextField::Directors)?.is_some() {
                beside.in_directors += 1;
            }
        }
        Ok(beside)
    }

    /// The first place of a word that another one follows about as closely as in the query; in a name it may stand
    /// before it, too.
    pub(super) fn near(
        &mut self,
        one: usize,
        two: usize,
        field: TextField,
        document: DocId,
    ) -> Result<Option<u32>, SearchError> {
        let mut firsts = std::mem::take(&mut self.one);
        let mut seconds = std::mem::take(&mut self.two);
        self.read(one, field, document, &mut firsts)?;
        self.read(two, field, document, &mut seconds)?;
        let furthest = u32::try_from(two - one).unwrap_or(u32::MAX) + BETWEEN_MAX;
        let in_any_order = matches!(field, TextField::Directors | TextField::Cast);
        let near = firsts.iter().copied().find(|first| {
            let follows = seconds.partition_point(|second| second <= first);
            let after = seconds.get(follows).is_some_and(|second| second - first <= furthest);
            let before = seconds[..follows].iter().rev().find(|second| *second < first);
            after || (in_any_order && before.is_some_and(|second| first - second <= furthest))
        });
        (self.one, self.two) = (firsts, seconds);
        Ok(near)
    }
}

fn open(
    part: &Part,
    fields: &Fields,
    words: &[Wanted],
    field: TextField,
) -> Result<Vec<SegmentPostings>, SearchError> {
    let field = fields.text(field);
    let mut lists = Vec::new();
    // The same ones in every segment, whether it has them or not.
    for wanted in words.iter().filter(|wanted| wanted.field == field).take(LISTS_MAX) {
        if let Some(info) = part.term(field, &wanted.term)? {
            let record = IndexRecordOption::WithFreqsAndPositions;
            lists.push(part.postings(field, &info, record)?);
        }
    }
    Ok(lists)
}
