//! Movies with many ties and gaps, so that their order and their lists matter.

use serde_json::{Value, json};

use crate::store::model::Dice;

/// Every genre, in the order of their keys.
pub(crate) const GENRES: [&str; 12] = [
    "Action", "Comedy", "Crime", "Drama", "Fantasy", "Horror", "Music", "Mystery", "Romance",
    "Sci-Fi", "War", "Western",
];

pub(crate) const DIRECTORS: [&str; 6] =
    ["Agnès Varda", "Akira Kurosawa", "Ann Hui", "Éric Rohmer", "Jean Renoir", "Larisa Shepitko"];
pub(crate) const COUNTRIES: [&str; 4] = ["France", "Hong Kong", "Japan", "USSR"];
pub(crate) const LANGUAGES: [&str; 3] = ["Cantonese", "French", "Japanese"];

const WORDS: [&str; 12] = [
    "Amélie",
    "amelie",
    "Über",
    "Zoo",
    "阿飛正傳",
    "Ёлки",
    "🎬",
    "'Til",
    "10",
    "9",
    "The Wind",
    "Wings",
];

/// The number of the first `IMDb` id that is given out.
pub(crate) const FIRST_IMDB_ID: u64 = 1_000_000;

/// A movie's values. `imdb_id` is a number that no other movie has.
pub(crate) fn movie(dice: &mut Dice, imdb_id: Option<u64>) -> Value {
    let title = format!("{} {}", dice.pick(&WORDS), dice.pick(&WORDS));
    let genres = names(dice, &GENRES, 3);
    let (directors, countries) = (names(dice, &DIRECTORS, 2), names(dice, &COUNTRIES, 2));
    let languages = names(dice, &LANGUAGES, 1);
    json!({
        "title": title, "genres": genres, "directors": directors, "countries": countries,
        "languages": languages, "year": year(dice), "rating": rating(dice),
        "popularity": popularity(dice), "votes": votes(dice),
        "synopsis": "x".repeat(usize::try_from(dice.roll(200)).expect("small")),
        "imdb_id": imdb_id.map(|number| format!("tt{number}")),
    })
}

/// A merge patch of one to three values.
pub(crate) fn patch(dice: &mut Dice) -> Value {
    let mut patch = json!({});
    for _ in 0..=dice.roll(3) {
        let (name, value) = match dice.roll(10) {
            0 => ("title", json!(format!("{} {}", dice.pick(&WORDS), dice.roll(100)))),
            1 => ("genres", json!(names(dice, &GENRES, 3))),
            2 => ("year", year(dice)),
            3 => ("rating", rating(dice)),
            4 => ("popularity", popularity(dice)),
            5 => ("directors", json!(names(dice, &DIRECTORS, 2))),
            6 => ("countries", json!(names(dice, &COUNTRIES, 2))),
            // What no list goes by, and yet makes another version of what it shows.
            7 => ("synopsis", json!("y".repeat(usize::try_from(dice.roll(200)).expect("small")))),
            _ => ("votes", votes(dice)),
        };
        patch[name] = value;
    }
    patch
}

/// A movie as clients of the original service write it.
pub(crate) fn compat(dice: &mut Dice) -> Value {
    json!({
        "name": format!("{} {}", dice.pick(&WORDS), dice.roll(100)),
        "director": dice.pick(&DIRECTORS), "year": 1950 + dice.roll(8), "rank": 5.5,
        "genre": [dice.pick(&GENRES), dice.pick(&GENRES)],
    })
}

fn names(dice: &mut Dice, from: &[&'static str], most: u64) -> Vec<&'static str> {
    let mut names: Vec<&str> = (0..dice.roll(most + 1)).map(|_| *dice.pick(from)).collect();
    names.dedup();
    // Genres that are named twice are one fault; the others may be.
    names.sort_unstable();
    names.dedup();
    names
}

fn unless_missing(dice: &mut Dice, value: Value) -> Value {
    if dice.roll(7) == 0 { Value::Null } else { value }
}

fn year(dice: &mut Dice) -> Value {
    let year = json!(1950 + dice.roll(8));
    unless_missing(dice, year)
}

fn rating(dice: &mut Dice) -> Value {
    let tenths = u32::try_from(dice.roll(101)).expect("small");
    unless_missing(dice, json!(f64::from(tenths) / 10.0))
}

fn popularity(dice: &mut Dice) -> Value {
    let steps = u32::try_from(dice.roll(9)).expect("small");
    unless_missing(dice, json!(f64::from(steps) * 12.5))
}

fn votes(dice: &mut Dice) -> Value {
    let votes = json!(dice.roll(40));
    unless_missing(dice, votes)
}
