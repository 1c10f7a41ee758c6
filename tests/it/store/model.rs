//! Lists as they are defined, computed in memory by the shortest way: what the store must answer.

use std::cmp::Ordering;

use marquee::domain::{
    list::{Filter, Sort, SortKey},
    movie::{Movie, MovieData},
    text::{name_key, sort_key},
};
use serde_json::{Value, json};

/// Movies that a filter lets through, in a list's order.
pub(crate) fn list<'a>(movies: &'a [Movie], filter: &Filter, sort: Sort) -> Vec<&'a Movie> {
    let mut rows: Vec<&Movie> = movies.iter().filter(|movie| matches(movie, filter)).collect();
    rows.sort_by(|a, b| compare(a, b, sort));
    rows
}

fn matches(movie: &Movie, filter: &Filter) -> bool {
    let data = &movie.data;
    let has = |names: &[String], key: &String| names.iter().any(|name| name_key(name) == *key);
    let within = |value: Option<f64>, min: Option<f64>, max: Option<f64>| match value {
        Some(value) => min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max),
        None => min.is_none() && max.is_none(),
    };
    let year = |year: Option<i16>| year.map(f64::from);
    filter.genres.iter().all(|group| group.iter().any(|key| has(&data.genres, key)))
        && !filter.genres_not.iter().any(|key| has(&data.genres, key))
        && filter.director.iter().all(|key| has(&data.directors, key))
        && filter.country.iter().all(|key| has(&data.countries, key))
        && filter.language.iter().all(|key| has(&data.languages, key))
        && within(year(data.year), year(filter.years.min), year(filter.years.max))
        && within(data.rating, filter.ratings.min, filter.ratings.max)
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&movie.id))
}

fn compare(a: &Movie, b: &Movie, sort: Sort) -> Ordering {
    let direct = |order: Ordering| if sort.descending { order.reverse() } else { order };
    let values = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => direct(a.total_cmp(&b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    let of = |value: fn(&MovieData) -> Option<f64>| values(value(&a.data), value(&b.data));
    let order = match sort.key {
        SortKey::Popularity => of(|data| data.popularity),
        SortKey::Rating => of(|data| data.rating),
        SortKey::Votes => {
            of(|data| data.votes.map(|votes| f64::from(i32::try_from(votes).expect("few"))))
        }
        SortKey::Year => of(|data| data.year.map(f64::from)),
        SortKey::Title => direct(sort_key(&a.data.title).cmp(&sort_key(&b.data.title))),
        SortKey::Created => direct(a.created_at.cmp(&b.created_at)),
    };
    order.then(direct(a.id.cmp(&b.id)))
}

/// Numbers that look random and are the same in every run (splitmix64).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// One of some values.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let n = self.roll(from.len() as u64);
        &from[usize::try_from(n).expect("small")]
    }
}

const TITLES: &[&str] = &[
    "Amélie",
    "AMELIE",
    "amelie 2",
    "Über",
    "uber",
    "Zoo",
    "Ärger",
    "阿飛正傳",
    "Ёлки",
    "Елки",
    "🎬",
    "'Til",
    "10",
    "9",
];
const GENRES: &[&str] = &["Drama", "Comedy", "War", "Sci-Fi", "Драма"];

/// A movie with many ties and gaps.
pub(crate) fn movie(dice: &mut Dice) -> Value {
    let some = |dice: &mut Dice, value: Value| if dice.roll(6) == 0 { Value::Null } else { value };
    let mut names = |from: &[&str], most: u64| {
        let number = dice.roll(most + 1);
        let names: Vec<&str> = (0..number).map(|_| *dice.pick(from)).collect();
        json!(names)
    };
    let genres = names(GENRES, 3);
    let directors = names(&["Ann Hui", "ANN HUI", "Éric Rohmer", "Eric Rohmer"], 2);
    let countries = names(&["France", "Hong Kong", "USA"], 2);
    let languages = names(&["French", "Cantonese"], 1);
    let year = json!(1990 + dice.roll(5));
    let (tenths, odd) = (dice.roll(101), dice.roll(10));
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let rating = if odd == 0 { tenths as f64 / 10.1 } else { tenths as f64 / 10.0 };
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let popularity = json!(dice.roll(4) as f64 * 12.5);
    let votes = json!(dice.roll(3));
    json!({
        "title": dice.pick(TITLES), "genres": genres, "directors": directors, "countries": countries,
        "languages": languages, "year": some(dice, year), "rating": some(dice, json!(rating)),
        "popularity": some(dice, popularity), "votes": some(dice, votes),
    })
}

/// A filter of one to four parts.
pub(crate) fn filter(dice: &mut Dice) -> String {
    let mut parts = std::collections::BTreeMap::new();
    for _ in 0..=dice.roll(4) {
        let (name, value) = match dice.roll(10) {
            0 => ("genre", format!("{},{}", dice.pick(GENRES), dice.pick(GENRES))),
            1 => ("genre", format!("{}|{}", dice.pick(GENRES), dice.pick(GENRES))),
            2 => ("genre", (*dice.pick(GENRES)).to_owned()),
            3 => ("genre_not", (*dice.pick(GENRES)).to_owned()),
            4 => ("director", (*dice.pick(&["ann hui", "Éric Rohmer", "nobody"])).to_owned()),
            5 => ("country", "france".to_owned()),
            6 => ("language", "FRENCH".to_owned()),
            7 => ("year_min", (1990 + dice.roll(5)).to_string()),
            8 => ("rating_min", format!("{}.{}", dice.roll(5), dice.roll(100))),
            _ => ("rating_max", format!("{}.{}", 5 + dice.roll(5), dice.roll(10))),
        };
        parts.insert(name, value);
    }
    let parts: Vec<String> =
        parts.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("&")
}
