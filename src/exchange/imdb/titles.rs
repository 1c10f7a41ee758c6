//! `title.basics` joined with what stands beside it.

use std::{collections::VecDeque, str::FromStr};

use serde_json::{Map, Value};

use super::{
    side::{Crew, Names, Ratings, Rejected},
    table::{Table, TableRows, number, text},
};
use crate::{
    domain::movie_json::Reading,
    exchange::{
        error::ExchangeError,
        record::{Record, Verdict, raw},
        source::Source,
    },
};

/// Votes at which `popularity` is 100. `IMDb` has no popularity: it is made from votes on a
/// logarithmic scale, as that of the bundled catalogue is; its most voted film has 3.1 million.
const MOST_VOTES: f64 = 3_500_000.0;

/// Which titles are taken for movies; all others are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleTypes(Vec<String>);

impl Default for TitleTypes {
    fn default() -> Self {
        Self(vec!["movie".to_owned(), "tvMovie".to_owned()])
    }
}

impl FromStr for TitleTypes {
    type Err = String;

    /// Reads `IMDb`'s words for them, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let types = text.split(',').map(|word| word.trim().to_owned());
        let types: Vec<_> = types.filter(|word| !word.is_empty()).collect();
        if types.is_empty() { Err("names no type of title".to_owned()) } else { Ok(Self(types)) }
    }
}

impl TitleTypes {
    fn has(&self, title_type: &str) -> bool {
        self.0.iter().any(|word| word == title_type)
    }
}

/// Ids of which something is wanted.
#[derive(Debug)]
pub(super) enum Wanted {
    All,
    /// In order.
    These(Vec<u32>),
}

impl Wanted {
    pub(super) fn these(mut ids: Vec<u32>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        ids.shrink_to_fit();
        Self::These(ids)
    }

    pub(super) fn has(&self, id: u32) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.binary_search(&id).is_ok(),
        }
    }
}

/// The movies of `IMDb`'s tables.
pub struct Titles {
    types: TitleTypes,
    /// Side tables that are not loaded yet.
    sides: Vec<(Table, Source)>,
    /// Tables of titles that are not read yet.
    basics: VecDeque<Source>,
    current: Option<TableRows>,
    ratings: Ratings,
    crew: Crew,
    names: Names,
    /// Rejected rows of side tables.
    rejected: VecDeque<Record>,
    over: bool,
}

impl Titles {
    /// The movies of these tables, which are told apart by their headers.
    ///
    /// # Errors
    /// [`ExchangeError::Together`] for side tables that have nothing to stand beside.
    pub fn new(tables: Vec<(Table, Source)>, types: &TitleTypes) -> Result<Self, ExchangeError> {
        let has = |table| tables.iter().filter(|(this, _)| *this == table).count();
        for table in [Table::Ratings, Table::Crew, Table::Names] {
            let name = table.name();
            if has(table) > 1 {
                return Err(ExchangeError::Together(format!("{name} is given twice")));
            }
            if has(table) > 0 && has(Table::Basics) == 0 {
                let text = format!("{name} says nothing without title.basics: give both");
                return Err(ExchangeError::Together(text));
            }
        }
        if has(Table::Crew) != has(Table::Names) {
            let text = "title.crew and name.basics need each other: give both or neither";
            return Err(ExchangeError::Together(text.to_owned()));
        }
        let (basics, sides): (Vec<_>, Vec<_>) =
            tables.into_iter().partition(|(table, _)| *table == Table::Basics);
        Ok(Self {
            types: types.clone(),
            sides,
            basics: basics.into_iter().map(|(_, source)| source).collect(),
            current: None,
            ratings: Ratings::default(),
            crew: Crew::default(),
            names: Names::default(),
            rejected: VecDeque::new(),
            over: false,
        })
    }

    /// Loads the side tables. They are needed whole: a movie is not imported without what a broken
    /// table would have said about it.
    fn load(&mut self) -> Result<(), ExchangeError> {
        let mut sides = std::mem::take(&mut self.sides);
        if sides.is_empty() {
            return Ok(());
        }
        let titles = self.wanted()?;
        let mut rejected = Rejected::new();
        sides.sort_by_key(|(table, _)| *table == Table::Names); // after the crew
        for (table, source) in sides {
            match table {
                Table::Ratings => self.ratings = Ratings::load(source, &titles, &mut rejected)?,
                Table::Crew => self.crew = Crew::load(source, &titles, &mut rejected)?,
                Table::Names => {
                    let people = self.crew.everyone();
                    self.names = Names::load(source, &people, &mut rejected)?;
                }
                Table::Basics => {}
            }
        }
        self.rejected = rejected.into();
        Ok(())
    }

    /// The titles that are wanted, where the tables of titles can be read twice.
    fn wanted(&self) -> Result<Wanted, ExchangeError> {
        let mut ids = Vec::new();
        for source in &self.basics {
            let Some(source) = source.again()? else { return Ok(Wanted::All) };
            let mut rows = TableRows::new(Table::Basics, source);
            let id = |cells: &[&str], _: &[u8]| {
                Ok(number(cells[0], "tt").ok().filter(|_| self.types.has(cells[1])))
            };
            // Whatever is wrong here is found again, and told, when the movies are read.
            while let Ok(Some(row)) = rows.next(id) {
                ids.extend(row.ok().flatten());
            }
        }
        Ok(Wanted::these(ids))
    }

    fn read(&mut self) -> Result<Option<Record>, ExchangeError> {
        self.load()?;
        if let Some(record) = self.rejected.pop_front() {
            return Ok(Some(record));
        }
        loop {
            if self.current.is_none() {
                let Some(source) = self.basics.pop_front() else { return Ok(None) };
                self.current = Some(TableRows::new(Table::Basics, source));
            }
            let Some(rows) = &mut self.current else { return Ok(None) };
            let beside = Beside { ratings: &self.ratings, crew: &self.crew, names: &self.names };
            let read = |cells: &[&str], line: &[u8]| {
                title(cells, &self.types, &beside).map(|verdict| (raw_of(&verdict, line), verdict))
            };
            match rows.next(read)? {
                None => self.current = None,
                Some(Ok((raw, verdict))) => return Ok(Some(rows.record(raw, verdict))),
                Some(Err(record)) => return Ok(Some(record)),
            }
        }
    }
}

impl Iterator for Titles {
    type Item = Result<Record, ExchangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let record = self.read();
        self.over = record.is_err();
        record.transpose()
    }
}

struct Beside<'a> {
    ratings: &'a Ratings,
    crew: &'a Crew,
    names: &'a Names,
}

/// The row's text, where it may be needed.
fn raw_of(verdict: &Verdict, line: &[u8]) -> String {
    if *verdict == Verdict::Skipped { String::new() } else { raw(line) }
}

/// What a row says, with what stands beside it.
fn title(cells: &[&str], types: &TitleTypes, beside: &Beside) -> Result<Verdict, String> {
    let [id, title_type, title, year, runtime, genres] = cells else {
        return Err("has too few columns".to_owned());
    };
    if !types.has(title_type) {
        return Ok(Verdict::Skipped);
    }
    let key = number(id, "tt")?;
    let value = |cell: &str| text(cell).map_or(Value::Null, Value::from);
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| _ = object.insert(name.to_owned(), value);
    set("imdb_id", Value::from(*id));
    set("title", value(title));
    set("year", value(year));
    set("runtime_minutes", value(runtime));
    if let Some(genres) = text(genres) {
        set("genres", genres.split(',').map(Value::from).collect());
    }
    if let Some(rating) = beside.ratings.of(key) {
        let votes = f64::from(rating.votes);
        let popularity = (100.0 * (1.0 + votes).ln() / (1.0 + MOST_VOTES).ln()).min(100.0);
        set("rating", rating.rating().into());
        set("votes", rating.votes.into());
        set("popularity", ((popularity * 100.0).round() / 100.0).into());
    }
    let names = beside.crew.of(key).iter().filter_map(|person| beside.names.of(*person));
    set("directors", names.map(Value::from).collect());
    Ok(Verdict::of_object(&object, Reading::Lenient))
}
