//! The side tables, held in memory as compactly as a look-up allows.

use super::{
    table::{Table, TableRows, number, text},
    titles::Wanted,
};
use crate::exchange::{error::ExchangeError, record::Record, source::Source};

/// Where rejected rows go.
pub(super) type Rejected = Vec<Record>;

/// `title.ratings`: by title, in the order of titles.
#[derive(Debug, Default)]
pub(super) struct Ratings(Vec<Rating>);

#[derive(Debug, Clone, Copy)]
pub(super) struct Rating {
    title: u32,
    /// In tenths, as `IMDb` gives them.
    tenths: u16,
    pub(super) votes: u32,
}

impl Rating {
    pub(super) fn rating(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }
}

impl Ratings {
    pub(super) fn load(
        source: Source,
        wanted: &Wanted,
        rejected: &mut Rejected,
    ) -> Result<Self, ExchangeError> {
        let mut rows = TableRows::new(Table::Ratings, source);
        let mut ratings = Vec::new();
        while let Some(row) = rows.next(|cells, _| rating(cells))? {
            match row {
                Ok(rating) if wanted.has(rating.title) => ratings.push(rating),
                Ok(_) => {}
                Err(record) => rejected.push(record),
            }
        }
        ratings.sort_by_key(|rating| rating.title);
        ratings.shrink_to_fit();
        Ok(Self(ratings))
    }

    pub(super) fn of(&self, title: u32) -> Option<Rating> {
        let at = self.0.binary_search_by_key(&title, |rating| rating.title).ok()?;
        self.0.get(at).copied()
    }
}

fn rating(cells: &[&str]) -> Result<Rating, String> {
    let title = number(cells[0], "tt")?;
    let rating: f64 = cells[1].trim().parse().unwrap_or(f64::NAN);
    let votes = cells[2].trim().parse().map_err(|_| "numVotes is not a number".to_owned())?;
    if !(0.0..=10.0).contains(&rating) {
        return Err("averageRating is not a number from 0 to 10".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    let tenths = (rating * 10.0).round() as u16;
    Ok(Rating { title, tenths, votes })
}

/// `title.crew`: the directors of titles, in the order of titles.
#[derive(Debug, Default)]
pub(super) struct Crew {
    /// Title, and where its directors begin in `people`.
    titles: Vec<(u32, u32)>,
    people: Vec<u32>,
    /// How many directors, for each of `titles`.
    counts: Vec<u16>,
}

impl Crew {
    pub(super) fn load(
        source: Source,
        wanted: &Wanted,
        rejected: &mut Rejected,
    ) -> Result<Self, ExchangeError> {
        let mut rows = TableRows::new(Table::Crew, source);
        let mut crew = Self::default();
        let mut found = Vec::new();
        loop {
            let people = &mut crew.people;
            let read = |cells: &[&str], _: &[u8]| directors(cells, wanted, people);
            match rows.next(read)? {
                None => break,
                Some(Ok(Some((title, start, count)))) => found.push((title, start, count)),
                Some(Ok(None)) => {}
                Some(Err(record)) => rejected.push(record),
            }
        }
        found.sort_by_key(|(title, ..)| *title);
        crew.titles = found.iter().map(|(title, start, _)| (*title, *start)).collect();
        crew.counts = found.iter().map(|(.., count)| *count).collect();
        crew.people.shrink_to_fit();
        Ok(crew)
    }

    pub(super) fn of(&self, title: u32) -> &[u32] {
        let Ok(at) = self.titles.binary_search_by_key(&title, |(title, _)| *title) else {
            return &[];
        };
        let start = self.titles[at].1 as usize;
        &self.people[start..start + usize::from(self.counts[at])]
    }

    /// Everyone who directs something, in order.
    pub(super) fn everyone(&self) -> Wanted {
        Wanted::these(self.people.clone())
    }
}

/// Title, start and number of its directors, whom it adds to `people`.
fn directors(
    cells: &[&str],
    wanted: &Wanted,
    people: &mut Vec<u32>,
) -> Result<Option<(u32, u32, u16)>, String> {
    let title = number(cells[0], "tt")?;
    let Some(directors) = text(cells[1]).filter(|_| wanted.has(title)) else { return Ok(None) };
    let start = people.len();
    let too_many = |_| "has too many directors".to_owned();
    for director in directors.split(',') {
        match number(director.trim(), "nm") {
            Ok(director) => people.push(director),
            Err(reason) => {
                people.truncate(start);
                return Err(reason);
            }
        }
    }
    let count = u16::try_from(people.len() - start).map_err(too_many)?;
    Ok(Some((title, u32::try_from(start).map_err(too_many)?, count)))
}

/// `name.basics`: names in the order of people, all in one text.
#[derive(Debug, Default)]
pub(super) struct Names {
    people: Vec<(u32, u32, u16)>,
    text: String,
}

impl Names {
    pub(super) fn load(
        source: Source,
        wanted: &Wanted,
        rejected: &mut Rejected,
    ) -> Result<Self, ExchangeError> {
        let mut rows = TableRows::new(Table::Names, source);
        let mut names = Self::default();
        loop {
            let read = |cells: &[&str], _: &[u8]| names.add(cells, wanted);
            match rows.next(read)? {
                None => break,
                Some(Ok(())) => {}
                Some(Err(record)) => rejected.push(record),
            }
        }
        names.people.sort_by_key(|(person, ..)| *person);
        names.people.shrink_to_fit();
        Ok(names)
    }

    fn add(&mut self, cells: &[&str], wanted: &Wanted) -> Result<(), String> {
        let person = number(cells[0], "nm")?;
        let Some(name) = text(cells[1]).filter(|_| wanted.has(person)) else { return Ok(()) };
        let length = u16::try_from(name.len()).map_err(|_| "the name is too long".to_owned())?;
        let start = u32::try_from(self.text.len());
        let start = start.map_err(|_| "there are more names than fit".to_owned())?;
        self.text.push_str(name);
        self.people.push((person, start, length));
        Ok(())
    }

    pub(super) fn of(&self, person: u32) -> Option<&str> {
        let at = self.people.binary_search_by_key(&person, |(person, ..)| *person).ok()?;
        let (_, start, length) = self.people[at];
        self.text.get(start as usize..start as usize + usize::from(length))
    }
}
