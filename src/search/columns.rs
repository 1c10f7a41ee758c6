//! What queries need of every movie all the time, held in memory: what movies are sorted, filtered,
//! ranked and counted by.

use std::{collections::HashMap, ops::RangeInclusive};

use tantivy::{
    SegmentReader,
    columnar::{BytesColumn, Column, StrColumn, TermOrdHit},
};

use crate::domain::search::Facet;

use super::{
    bits::Bits,
    document::{names_of_set, to_number},
    error::SearchError,
    schema::Fields,
};

/// Integers, each in as few bytes as the range of all needs.
#[derive(Debug)]
pub(super) enum Packed {
    /// Offsets from a lowest value.
    Bytes(u64, Vec<u8>),
    Shorts(u64, Vec<u16>),
    Words(u64, Vec<u32>),
    /// The values themselves.
    Longs(Vec<u64>),
    /// Ranks among few distinct values, in ascending order.
    Ranks(Vec<u64>, Vec<u16>),
}

impl Packed {
    pub(super) fn new(values: Vec<u64>) -> Self {
        let low = values.iter().min().copied().unwrap_or_default();
        let range = values.iter().max().copied().unwrap_or_default() - low;
        if u8::try_from(range).is_ok() {
            return Self::Bytes(low, narrow(&values, low));
        }
        if u16::try_from(range).is_ok() {
            return Self::Shorts(low, narrow(&values, low));
        }
        let mut distinct = values.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() <= usize::from(u16::MAX) + 1 && distinct.len() < values.len() / 2 {
            distinct.shrink_to_fit();
            let rank = |value| distinct.binary_search(value).unwrap_or_default();
            let rank = |value| u16::try_from(rank(value)).unwrap_or_default();
            let ranks = values.iter().map(rank).collect();
            return Self::Ranks(distinct, ranks);
        }
        if u32::try_from(range).is_ok() {
            return Self::Words(low, narrow(&values, low));
        }
        Self::Longs(values)
    }

    #[inline]
    pub(super) fn get(&self, doc: u32) -> u64 {
        let at = doc as usize;
        match self {
            Self::Bytes(low, values) => low + u64::from(values[at]),
            Self::Shorts(low, values) => low + u64::from(values[at]),
            Self::Words(low, values) => low + u64::from(values[at]),
            Self::Longs(values) => values[at],
            Self::Ranks(distinct, ranks) => distinct[usize::from(ranks[at])],
        }
    }

    /// Those of a window's movies, from `base` to before `end`, whose values are in a range.
    pub(super) fn within(&self, base: u32, end: u32, range: &RangeInclusive<u64>) -> Bits {
        let (window, (low, high)) = (base as usize..end as usize, (*range.start(), *range.end()));
        if low > high {
            return Bits::NONE;
        }
        match self {
            Self::Bytes(least, values) => offsets(&values[window], *least, low, high),
            Self::Shorts(least, values) => offsets(&values[window], *least, low, high),
            Self::Words(least, values) => offsets(&values[window], *least, low, high),
            Self::Longs(values) => {
                Bits::that(&values[window], |value| low <= value && value <= high)
            }
            Self::Ranks(distinct, ranks) => {
                let rank = |rank: usize| u16::try_from(rank).unwrap_or(u16::MAX);
                let first = distinct.partition_point(|value| *value < low);
                let beyond = distinct.partition_point(|value| *value <= high);
                if first == beyond {
                    return Bits::NONE;
                }
                let (first, last) = (rank(first), rank(beyond - 1));
                Bits::that(&ranks[window], |rank| first <= rank && rank <= last)
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Bytes(_, values) => values.len(),
            Self::Shorts(_, values) => values.len() * 2,
            Self::Words(_, values) => values.len() * 4,
            Self::Longs(values) => values.len() * 8,
            Self::Ranks(distinct, ranks) => distinct.len() * 8 + ranks.len() * 2,
        }
    }
}

/// Those of some offsets from `least` that are from `low` to `high`.
fn offsets<T: TryFrom<u64> + Copy + Ord + Default>(
    values: &[T],
    least: u64,
    low: u64,
    high: u64,
) -> Bits {
    // What is beyond every offset there can be bounds nothing, or lets nothing through.
    let Some(high) = high.checked_sub(least) else { return Bits::NONE };
    let Ok(low) = T::try_from(low.saturating_sub(least)) else { return Bits::NONE };
    match T::try_from(high) {
        Ok(high) => Bits::that(values, |value| low <= value && value <= high),
        Err(_) => Bits::that(values, |value| low <= value),
    }
}

fn narrow<T: TryFrom<u64> + Default>(values: &[u64], low: u64) -> Vec<T> {
    values.iter().map(|value| T::try_from(value - low).unwrap_or_default()).collect()
}

/// Highest [`Standing::merit`].
pub(super) const MERIT_MAX: u16 = 300;

/// The columns of a segment.
pub(super) struct Columns {
    pub(super) id: Packed,
    pub(super) year: Packed,
    pub(super) rating: Packed,
    pub(super) votes: Packed,
    pub(super) popularity: Packed,
    pub(super) created: Packed,
    standing: Vec<Standing>,
    /// Rank of the title's key among the segment's keys.
    pub(super) title: Packed,
    pub(super) titles: BytesColumn,
    sets: [Set; 3],
}

/// What every movie is ranked by, in one place: a query looks at it for each movie that it finds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// What the movie's popularity and votes add to its score.
    pub(super) merit: u16,
    /// Popularity in hundredths and one more; 0 is none.
    pub(super) fame: u16,
    /// Words of the title that count.
    pub(super) title_length: u16,
}

/// The names of a kind that movies have: each movie has one combination of them.
pub(super) struct Set {
    combinations: Packed,
    /// Where the names of a combination begin in `members`, and at last their end.
    starts: Vec<u32>,
    members: Vec<u32>,
    names: Vec<String>,
}

impl Set {
    fn read(column: &BytesColumn, documents: u32) -> Result<Self, SearchError> {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let (mut starts, mut members, mut names) = (vec![0], Vec::new(), Vec::new());
        let mut texts = column.dictionary().stream()?;
        while texts.advance() {
            for name in names_of_set(&String::from_utf8_lossy(texts.key()))? {
                let next = small(names.len());
                let number = *numbers.entry(name.clone()).or_insert(next);
                if number == next {
                    names.push(name);
                }
                members.push(number);
            }
            starts.push(small(members.len()));
        }
        let combinations = Packed::new(values(column.ords(), documents)?);
        Ok(Self { combinations, starts, members, names })
    }

    /// The combination of a movie.
    #[inline]
    pub(super) fn combination(&self, document: u32) -> usize {
        usize::try_from(self.combinations.get(document)).unwrap_or(usize::MAX)
    }

    /// How many combinations there are.
    pub(super) const fn combinations(&self) -> usize {
        self.starts.len() - 1
    }

    /// The numbers of a combination's names.
    pub(super) fn members(&self, combination: usize) -> &[u32] {
        match self.starts.get(combination..combination + 2) {
            Some([start, end]) => &self.members[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// The names, by their numbers.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    fn bytes(&self) -> usize {
        let names = self.names.iter().map(|name| name.len() + size_of::<String>());
        self.combinations.bytes()
            + (self.starts.len() + self.members.len()) * size_of::<u32>()
            + names.sum::<usize>()
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("documents", &self.standing.len()).finish_non_exhaustive()
    }
}

impl Columns {
    pub(super) fn read(reader: &SegmentReader, fields: &Fields) -> Result<Self, SearchError> {
        let documents = reader.max_doc();
        let numbers = |field| -> Result<Packed, SearchError> {
            let column = reader.fast_fields().u64(fields.schema.get_field_name(field))?;
            Ok(Packed::new(values(&column, documents)?))
        };
        let set = |field| -> Result<Set, SearchError> {
            let column = reader.fast_fields().str(fields.schema.get_field_name(field))?;
            let column: BytesColumn =
                column.map_or_else(|| BytesColumn::empty(documents), StrColumn::into);
            Set::read(&column, documents)
        };
        let name = fields.schema.get_field_name(fields.title_key);
        let titles = reader.fast_fields().bytes(name)?;
        let titles = titles.unwrap_or_else(|| BytesColumn::empty(documents));
        let (popularity, votes) = (numbers(fields.popularity)?, numbers(fields.votes)?);
        let lengths = numbers(fields.title_length)?;
        let standing = |document| {
            let popularity = to_number(popularity.get(document));
            Standing {
                merit: merit(popularity, votes.get(document)),
                fame: fame(popularity),
                title_length: u16::try_from(lengths.get(document)).unwrap_or(u16::MAX),
            }
        };
        Ok(Self {
            id: numbers(fields.id)?,
            year: numbers(fields.year)?,
            rating: numbers(fields.rating)?,
            created: numbers(fields.created)?,
            standing: (0..documents).map(standing).collect(),
            title: Packed::new(values(titles.ords(), documents)?),
            titles,
            sets: [set(fields.genre_set)?, set(fields.country_set)?, set(fields.language_set)?],
            popularity,
            votes,
        })
    }

    #[inline]
    pub(super) fn standing(&self, document: u32) -> Standing {
        self.standing[document as usize]
    }

    /// The combinations of a facet of names; `None` for a facet of numbers.
    pub(super) fn set(&self, facet: Facet) -> Option<&Set> {
        let [genres, countries, languages] = &self.sets;
        match facet {
            Facet::Genre => Some(genres),
            Facet::Country => Some(countries),
            Facet::Language => Some(languages),
            Facet::Decade | Facet::Rating => None,
        }
    }

    /// Twice the rank of a title's key and one more, or the even number between its neighbours where
    /// no movie of the segment has it.
    pub(super) fn title_rank(&self, key: &[u8]) -> Result<u64, SearchError> {
        if self.titles.num_terms() == 0 {
            return Ok(0);
        }
        Ok(match self.titles.dictionary().term_ord_or_next(key)? {
            TermOrdHit::Exact(ord) => 2 * ord + 1,
            // Past the last one, the dictionary says so by its largest number.
            TermOrdHit::Next(ord) => 2 * ord.min(self.titles.num_terms() as u64),
        })
    }

    /// The key of a title.
    pub(super) fn title_key(&self, doc: u32) -> Result<Vec<u8>, SearchError> {
        let mut key = Vec::new();
        self.titles.ord_to_bytes(self.title.get(doc), &mut key)?;
        Ok(key)
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let numbers = [
            &self.id,
            &self.year,
            &self.rating,
            &self.votes,
            &self.popularity,
            &self.created,
            &self.title,
        ];
        let sets = self.sets.iter().map(Set::bytes);
        numbers.into_iter().map(Packed::bytes).sum::<usize>()
            + sets.sum::<usize>()
            + dictionary_bytes(&self.titles)
            + self.standing.len() * size_of::<Standing>()
    }
}

/// A dictionary is held together with its column, as both were read.
fn dictionary_bytes(column: &BytesColumn) -> usize {
    usize::try_from(column.dictionary().num_bytes().get_bytes()).unwrap_or(usize::MAX)
}

fn values(column: &Column<u64>, documents: u32) -> Result<Vec<u64>, SearchError> {
    let mut values = vec![0; documents as usize];
    if column.get_cardinality().is_full() && column.num_docs() == documents {
        column.values.get_range(0, &mut values);
        return Ok(values);
    }
    if documents > 0 {
        return Err(SearchError::Damaged("a column lacks values".to_owned()));
    }
    Ok(values)
}

/// Up to 200 points for popularity, and up to 100 for votes: a tenth of that for each factor of ten
/// to the half.
fn merit(popularity: Option<f64>, votes: u64) -> u16 {
    let popularity = popularity.unwrap_or_default() * 2.0;
    let votes = votes.saturating_sub(1);
    #[expect(clippy::cast_precision_loss, reason = "far below the precision of a score")]
    let votes = ((votes as f64 + 1.0).log10() * 20.0).min(100.0);
    whole(popularity + votes).min(MERIT_MAX)
}

fn fame(popularity: Option<f64>) -> u16 {
    popularity.map_or(0, |popularity| whole(popularity * 100.0) + 1)
}

fn whole(number: f64) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded by the line itself"
    )]
    let whole = number.round().clamp(0.0, 20_000.0) as u16;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_values_are_the_values(
            low in 0u64..1 << 40,
            spread in prop_oneof![Just(1u64), Just(300), Just(70_000), Just(1 << 33), Just(1 << 50)],
            seeds in proptest::collection::vec(any::<u64>(), 1..200),
            copies in 1usize..4,
        ) {
            let values: Vec<u64> = seeds.iter().map(|seed| low + seed % spread).collect();
            let values = values.repeat(copies);
            let packed = Packed::new(values.clone());
            for (doc, value) in (0..).zip(values) {
                prop_assert_eq!(packed.get(doc), value);
            }
        }
    }

    #[test]
    fn merit_grows_with_popularity_and_votes() {
        assert_eq!(merit(None, 0), 0);
        assert_eq!(merit(Some(100.0), u64::MAX), MERIT_MAX);
        assert!(merit(Some(50.0), 100) > merit(Some(50.0), 10));
        assert_eq!((fame(None), fame(Some(0.0)), fame(Some(100.0))), (0, 1, 10_001));
    }
}
