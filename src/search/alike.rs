//! Movies that are alike by what is written about them: the same directors, cast, words of the title, genres and
//! years.
//!
//! Who has something rare in common with the movie is in question: the rarer, the more it says. What many have
//! in common (a genre, a year) is looked at for those alone, in memory. So a question costs the movies of a few
//! people, whatever the size of the catalogue.

use std::collections::HashMap;

use tantivy::{
    DocId, DocSet, TERMINATED,
    postings::TermInfo,
    schema::{Field, IndexRecordOption},
};

use crate::domain::{
    list::Filter,
    movie::Movie,
    search::{Facet, words},
    text::name_key,
};

use super::{
    document::{movie, to_number},
    error::SearchError,
    index::Snapshot,
    schema::{Fields, TextField},
    segment::Part,
    tokens::is_filler,
};

/// What more movies than this have in common says too little to be followed.
const COMMON: u64 = 20_000;
/// Movies that are followed for one question, counted once for each thing in common.
const FOLLOWED_MAX: u64 = 60_000;
/// Movies that are read for one question, where a filter leaves most of them out.
const ROWS_MAX: usize = 600;
/// Members of the cast that count.
const CAST: usize = 20;

/// What each kind of thing in common weighs, before its rarity.
const DIRECTOR: f32 = 1.0;
const ACTOR: f32 = 0.35;
const TITLE_WORD: f32 = 0.6;
const GENRE: f32 = 0.3;

/// Things in common that weigh so much, a director or two of some films, are half of what can be had by them.
const HALF: f32 = 10.0;

/// What makes a movie's points: what it has in common that is rare, genres, years, and how well it is known.
const OF_RARE: f32 = 0.5;
const OF_GENRES: f32 = 0.3;
const OF_YEARS: f32 = 0.1;
const OF_FAME: f32 = 0.1;

/// Years between two films that have nothing to do with each other any more.
const AGE: f32 = 25.0;

/// Something that a movie may have in common with another: all of these terms.
struct Feature {
    terms: Vec<(Field, Vec<u8>)>,
    weight: f32,
}

/// The movies that are most alike, with how much (0 to 1), the most alike first, ties by id; without it itself,
/// and only those that a filter accepts.
pub(super) fn alike(
    snapshot: &Snapshot,
    fields: &Fields,
    own: &Movie,
    filter: &Filter,
    count: usize,
) -> Result<Vec<(Movie, f32)>, SearchError> {
    let mut features = Vec::new();
    for feature in features_of(fields, own) {
        let movies = movies_with(snapshot, &feature)?;
        if movies > 0 {
            let weight = feature.weight * rarity(snapshot, movies);
            features.push((movies, Feature { weight, ..feature }));
        }
    }
    features.sort_by_key(|(movies, _)| *movies);
    let mut left = FOLLOWED_MAX;
    features.retain(|(movies, _)| {
        let follow = *movies <= COMMON && *movies <= left;
        left -= if follow { *movies } else { 0 };
        follow
    });

    let own_id = own.id.get().unsigned_abs();
    let mut found: Vec<(f32, u64, usize, DocId)> = Vec::new();
    for (n, part) in snapshot.parts.iter().enumerate() {
        let mut in_common: HashMap<DocId, f32> = HashMap::new();
        for (_, feature) in &features {
            follow(part, feature, |document| {
                *in_common.entry(document).or_default() += feature.weight;
            })?;
        }
        let mut genres = Genres::new(part, own);
        found.extend(in_common.into_iter().filter_map(|(document, rare)| {
            let id = part.base.columns.id.get(document);
            let points = OF_RARE * rare / (rare + HALF)
                + OF_GENRES * genres.shared(part, document)
                + OF_YEARS * years(part, own, document)
                + OF_FAME * fame(part, document);
            (id != own_id).then_some((points, id, n, document))
        }));
    }
    let order = |a: &(f32, u64, usize, DocId), b: &(f32, u64, usize, DocId)| {
        b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
    };
    if found.len() > ROWS_MAX {
        found.select_nth_unstable_by(ROWS_MAX - 1, order);
        found.truncate(ROWS_MAX);
    }
    found.sort_unstable_by(order);
    let mut rows = Vec::with_capacity(count.min(found.len()));
    for (points, _, part, document) in found {
        if rows.len() == count {
            break;
        }
        let stored = snapshot.parts[part].base.stored.get(document)?;
        let row = movie(fields, &stored)
            .ok_or_else(|| SearchError::Damaged("a stored movie cannot be read".to_owned()))?;
        if filter.accepts(&row) {
            rows.push((row, points));
        }
    }
    Ok(rows)
}

fn features_of(fields: &Fields, movie: &Movie) -> Vec<Feature> {
    let data = &movie.data;
    let mut features = Vec::new();
    let mut add = |terms: Vec<(Field, Vec<u8>)>, weight| features.push(Feature { terms, weight });
    for name in &data.directors {
        add(vec![(fields.director, name_key(name).into_bytes())], DIRECTOR);
    }
    for name in data.cast.iter().take(CAST) {
        let of_name = parts_of(name).map(|part| (fields.text(TextField::Cast), part.into_bytes()));
        let terms: Vec<_> = of_name.collect();
        if !terms.is_empty() {
            add(terms, ACTOR);
        }
    }
    let title: Vec<String> =
        parts_of(&data.title).filter(|part| part.chars().count() > 2 && !is_filler(part)).collect();
    for part in title {
        add(vec![(fields.text(TextField::Title), part.into_bytes())], TITLE_WORD);
    }
    for name in &data.genres {
        add(vec![(fields.genre, name_key(name).into_bytes())], GENRE);
    }
    features.sort_by(|a, b| a.terms.cmp(&b.terms));
    features.dedup_by(|a, b| a.terms == b.terms);
    features
}

/// The words of a text as terms.
fn parts_of(text: &str) -> impl Iterator<Item = String> {
    words(text).into_iter().flat_map(|word| word.parts).map(|part| part.text)
}

/// How many movies have a feature at most: those that have the rarest of its terms.
fn movies_with(snapshot: &Snapshot, feature: &Feature) -> Result<u64, SearchError> {
    let mut least = u64::MAX;
    for (field, term) in &feature.terms {
        let mut movies = 0;
        for part in &snapshot.parts {
            movies += part.term(*field, term)?.map_or(0, |info| u64::from(info.doc_freq));
        }
        least = least.min(movies);
    }
    Ok(least)
}

#[expect(clippy::cast_precision_loss, reason = "movies are counted in far fewer than 2^53")]
fn rarity(snapshot: &Snapshot, movies: u64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm is small")]
    let rarity = (1.0 + snapshot.movies() as f64 / movies as f64).ln() as f32;
    rarity
}

/// Calls `each` with the movies of a part that have all terms of a feature.
fn follow(part: &Part, feature: &Feature, mut each: impl FnMut(DocId)) -> Result<(), SearchError> {
    let mut infos: Vec<(Field, TermInfo)> = Vec::with_capacity(feature.terms.len());
    for (field, term) in &feature.terms {
        let Some(info) = part.term(*field, term)? else { return Ok(()) };
        infos.push((*field, info));
    }
    infos.sort_by_key(|(_, info)| info.doc_freq);
    let mut lists = Vec::with_capacity(infos.len());
    for (field, info) in &infos {
        lists.push(part.postings(*field, info, IndexRecordOption::Basic)?);
    }
    let Some((rarest, others)) = lists.split_first_mut() else { return Ok(()) };
    'documents: while rarest.doc() != TERMINATED {
        let document = rarest.doc();
        rarest.advance();
        for other in others.iter_mut() {
            let at = other.doc();
            let at = if at < document { other.seek(document) } else { at };
            if at == TERMINATED {
                return Ok(());
            }
            if at != document {
                continue 'documents;
            }
        }
        if part.is_alive(document) {
            each(document);
        }
    }
    Ok(())
}

/// How much of a movie's genres another one has, for each combination that there is: worked out once.
struct Genres {
    /// The numbers of the movie's genres in a part.
    own: Vec<u32>,
    all: usize,
    by_combination: HashMap<usize, f32>,
}

impl Genres {
    fn new(part: &Part, movie: &Movie) -> Self {
        let keys: Vec<String> = movie.data.genres.iter().map(|name| name_key(name)).collect();
        let names = part.base.columns.set(Facet::Genre).map_or(&[][..], |set| set.names());
        let own = (0..).zip(names).filter(|(_, name)| keys.contains(&name_key(name)));
        let own = own.map(|(number, _)| number).collect();
        Self { own, all: keys.len(), by_combination: HashMap::new() }
    }

    fn shared(&mut self, part: &Part, document: DocId) -> f32 {
        let Some(set) = part.base.columns.set(Facet::Genre) else { return 0.0 };
        let combination = set.combination(document);
        let Self { own, all, by_combination } = self;
        *by_combination.entry(combination).or_insert_with(|| {
            let members = set.members(combination);
            let both = members.iter().filter(|member| own.contains(member)).count();
            share(both, members.len() + *all - both)
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a movie has few genres")]
fn share(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

/// 1 for a movie of the same year, falling to 0.
fn years(part: &Part, own: &Movie, document: DocId) -> f32 {
    let year = u16::try_from(part.base.columns.year.get(document)).unwrap_or(0);
    match own.data.year {
        Some(own) if year > 0 => {
            (1.0 - f32::from(own.unsigned_abs().abs_diff(year)) / AGE).max(0.0)
        }
        _ => 0.0,
    }
}

/// A movie's popularity, from 0 to 1.
fn fame(part: &Part, document: DocId) -> f32 {
    let popularity = to_number(part.base.columns.popularity.get(document)).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "a popularity is 0 to 100")]
    let fame = (popularity / 100.0) as f32;
    fame
}
