//! Which movies of a segment have what a query asks for.
//!
//! Movies are gone through in windows of a few thousand. In each, ranges and the rarest requirement say
//! which movies are in question, and the others are asked about those alone, by seeking where few are left
//! and by reading on where many are. Memory is a few kilobytes a word, whatever the query.

use std::ops::{ControlFlow, RangeInclusive};

use tantivy::{
    DocId, DocSet, TERMINATED,
    postings::SegmentPostings,
    schema::{Field, IndexRecordOption},
};

use super::{
    bits::{Bits, WINDOW},
    columns::Packed,
    error::SearchError,
    segment::Part,
};

const WINDOW_DOCUMENTS: DocId = document(WINDOW);
/// A seek costs about as much as reading on by so many movies.
const SEEK_COST: u64 = 8;

/// What a word found in a movie: points in the high byte, and in the low one where.
pub(super) type Code = u16;

/// A term, and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) field: Field,
    pub(super) term: Vec<u8>,
    pub(super) code: Code,
}

/// What a query asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    /// Words; a movie has a word if it has one of its terms.
    pub(super) words: Vec<Vec<Wanted>>,
    /// Which of the words a movie must have.
    pub(super) required: Vec<bool>,
    /// Which of the words say little, whether they are required or not; none where no other word is looked for.
    pub(super) fillers: Vec<bool>,
    /// How many of the required words suffice, if not all.
    pub(super) at_least: Option<usize>,
    /// A movie has one term of each of these as well.
    pub(super) conditions: Vec<Vec<Wanted>>,
    /// A movie has none of these.
    pub(super) excluded: Vec<Wanted>,
}

/// A value of a column that a movie must have.
#[derive(Debug)]
pub(super) struct Within<'c> {
    pub(super) column: &'c Packed,
    pub(super) range: RangeInclusive<u64>,
}

/// Movies that have one of several terms.
struct Union {
    lists: Vec<(SegmentPostings, Code)>,
    /// How many movies the terms have, counted once for each.
    cost: u64,
    /// The word whose codes are wanted.
    word: Option<usize>,
}

type Codes = [Code; WINDOW];

/// The better of two findings, with all places.
#[inline]
const fn both(one: Code, two: Code) -> Code {
    let points = if one > two { one & 0xff00 } else { two & 0xff00 };
    points | ((one | two) & 0xff)
}

impl Union {
    fn open(part: &Part, wanted: &[Wanted], word: Option<usize>) -> Result<Self, SearchError> {
        let mut lists = Vec::with_capacity(wanted.len());
        let mut cost = 0;
        for Wanted { field, term, code } in wanted {
            if let Some(info) = part.term(*field, term)? {
                cost += u64::from(info.doc_freq);
                lists.push((part.postings(*field, &info, IndexRecordOption::Basic)?, *code));
            }
        }
        Ok(Self { lists, cost, word })
    }

    /// The first movie from `base` on.
    fn next(&mut self, base: DocId) -> DocId {
        let mut first = TERMINATED;
        self.lists.retain_mut(|(postings, _)| {
            let document = postings.doc();
            let document = if document < base { postings.seek(base) } else { document };
            first = first.min(document);
            document != TERMINATED
        });
        first
    }

    /// All movies of a window.
    fn fill(&mut self, base: DocId, end: DocId, mut codes: Option<&mut Codes>) -> Bits {
        let mut bits = Bits::NONE;
        for (postings, code) in &mut self.lists {
            let mut document = postings.doc();
            if document < base {
                document = postings.seek(base);
            }
            while document < end {
                let at = (document - base) as usize;
                bits.set(at);
                if let Some(codes) = &mut codes {
                    codes[at] = both(codes[at], *code);
                }
                document = postings.advance();
            }
        }
        bits
    }

    /// Those of a window's movies that are asked about.
    fn probe(&mut self, base: DocId, asked: &Bits, mut codes: Option<&mut Codes>) -> Bits {
        let mut bits = Bits::NONE;
        for (postings, code) in &mut self.lists {
            asked.each(|at| {
                let target = base + document(at);
                let mut document = postings.doc();
                if document < target {
                    document = postings.seek(target);
                }
                if document == target {
                    bits.set(at);
                    if let Some(codes) = &mut codes {
                        codes[at] = both(codes[at], *code);
                    }
                }
            });
        }
        bits
    }

    /// Those of a window's movies that are asked about, the cheaper way.
    fn among(
        &mut self,
        base: DocId,
        end: DocId,
        asked: &Bits,
        documents: DocId,
        codes: Option<&mut Codes>,
    ) -> Bits {
        let windows = u64::from(documents).div_ceil(WINDOW as u64).max(1);
        let probes = asked.count() * SEEK_COST * self.lists.len() as u64;
        if probes < self.cost / windows {
            self.probe(base, asked, codes)
        } else {
            self.fill(base, end, codes)
        }
    }
}

/// Movies that were found, all in one window, in ascending order. They are handed over together so that
/// what is looked up for each of them is looked up in short loops, whose memory accesses overlap.
pub(super) struct Window<'r> {
    pub(super) documents: &'r [DocId],
    codes: &'r [Codes],
}

impl Window<'_> {
    /// What each word found in a movie.
    #[inline]
    pub(super) fn codes(&self, document: DocId, into: &mut [Code]) {
        let at = (document % WINDOW_DOCUMENTS) as usize;
        for (code, codes) in into.iter_mut().zip(self.codes) {
            *code = codes[at];
        }
    }

    /// The same window with fewer movies.
    pub(super) const fn with<'r>(&'r self, documents: &'r [DocId]) -> Window<'r> {
        Window { documents, codes: self.codes }
    }
}

/// Whether to go on after a window.
pub(super) type Found = Result<ControlFlow<()>, SearchError>;

/// Finds the movies of a segment that have what is asked for and are within some ranges.
pub(super) fn run(
    part: &Part,
    query: &Query,
    ranges: &[Within<'_>],
    mut found: impl FnMut(&Window<'_>) -> Found,
) -> Result<(), SearchError> {
    let Some(mut run) = Run::open(part, query)? else { return Ok(()) };
    let mut documents = Vec::with_capacity(WINDOW);
    let mut base = 0;
    while base < part.documents {
        let Some(next) = run.next(base) else { break };
        base = next - next % WINDOW_DOCUMENTS;
        let end = part.documents.min(base + WINDOW_DOCUMENTS);
        documents.clear();
        run.window(base, end, ranges).each(|at| {
            let document = base + document(at);
            if part.is_alive(document) {
                documents.push(document);
            }
        });
        let window = Window { documents: &documents, codes: &run.codes };
        if !documents.is_empty() && found(&window)?.is_break() {
            return Ok(());
        }
        base = end;
    }
    Ok(())
}

/// A place in a window as a difference of documents.
#[inline]
const fn document(at: usize) -> DocId {
    #[expect(clippy::cast_possible_truncation, reason = "a window is small")]
    let document = at as DocId;
    document
}

struct Run {
    documents: DocId,
    /// Rarest first.
    required: Vec<Union>,
    /// Of which so many suffice.
    some: Option<(usize, Vec<Union>)>,
    optional: Vec<Union>,
    excluded: Union,
    codes: Vec<Codes>,
}

impl Run {
    /// `None` where the segment has no such movie.
    fn open(part: &Part, query: &Query) -> Result<Option<Self>, SearchError> {
        let mut required = Vec::new();
        let mut some = Vec::new();
        let mut optional = Vec::new();
        for (n, (wanted, needed)) in query.words.iter().zip(&query.required).enumerate() {
            let union = Union::open(part, wanted, Some(n))?;
            match (needed, query.at_least) {
                (true, None) if union.lists.is_empty() => return Ok(None),
                (true, None) => required.push(union),
                (true, Some(_)) => some.push(union),
                (false, _) => optional.push(union),
            }
        }
        for wanted in &query.conditions {
            let union = Union::open(part, wanted, None)?;
            if union.lists.is_empty() {
                return Ok(None);
            }
            required.push(union);
        }
        required.sort_by_key(|union| union.cost);
        Ok(Some(Self {
            documents: part.documents,
            required,
            some: query.at_least.map(|count| (count, some)),
            optional,
            excluded: Union::open(part, &query.excluded, None)?,
            codes: vec![[0; WINDOW]; query.words.len()],
        }))
    }

    /// The first movie from `base` on that may be one.
    fn next(&mut self, base: DocId) -> Option<DocId> {
        let mut next = base;
        if let Some(first) = self.required.first_mut() {
            next = next.max(first.next(base));
        }
        if let Some((_, unions)) = &mut self.some {
            let first = unions.iter_mut().map(|union| union.next(base)).min();
            next = next.max(first.unwrap_or(TERMINATED));
        }
        (next < self.documents).then_some(next)
    }

    fn window(&mut self, base: DocId, end: DocId, ranges: &[Within<'_>]) -> Bits {
        let Self { documents, required, some, optional, excluded, codes } = self;
        for codes in codes.iter_mut() {
            codes.fill(0);
        }
        let mut bits = Bits::first((end - base) as usize);
        // Thousands of values are compared in the time in which a few movies are sought.
        for Within { column, range } in ranges {
            bits.keep(&column.within(base, end, range));
        }
        for union in required {
            if bits.count() == 0 {
                return bits;
            }
            let codes = union.word.and_then(|word| codes.get_mut(word));
            let has = union.among(base, end, &bits, *documents, codes);
            bits.keep(&has);
        }
        if bits.count() == 0 {
            return bits;
        }
        if let Some((count, unions)) = some {
            bits.keep(&enough(*count, unions, base, end, codes));
        }
        if !excluded.lists.is_empty() {
            bits.remove(&excluded.among(base, end, &bits.clone(), *documents, None));
        }
        for union in optional.iter_mut().filter(|union| !union.lists.is_empty()) {
            let codes = union.word.and_then(|word| codes.get_mut(word));
            union.among(base, end, &bits, *documents, codes);
        }
        bits
    }
}

/// The movies of a window that have at least so many of the words.
fn enough(
    count: usize,
    unions: &mut [Union],
    base: DocId,
    end: DocId,
    codes: &mut [Codes],
) -> Bits {
    let mut counts = [0_u8; WINDOW];
    for union in unions {
        let codes = union.word.and_then(|word| codes.get_mut(word));
        union.fill(base, end, codes).each(|at| counts[at] += 1);
    }
    let mut bits = Bits::NONE;
    for (at, has) in counts.iter().enumerate() {
        if usize::from(*has) >= count {
            bits.set(at);
        }
    }
    bits
}
