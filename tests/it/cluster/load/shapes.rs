//! The questions that readers ask.

use marquee::domain::list::{ListQuery, SortKey};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::movies::{COUNTRIES, DIRECTORS, FIRST_IMDB_ID, GENRES};
use crate::{
    cluster::{
        check::Checker,
        truth::{Asked, ShapeId},
    },
    store::model::Dice,
};

/// Pages that readers come to by the links of other pages, at most.
const FOLLOWED: usize = 300;

/// Reads a list's query as the service does.
pub(crate) fn list_query(text: &str) -> ListQuery {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let pairs = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    ListQuery::from_pairs(pairs).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Takes up a list.
pub(crate) fn list(checker: &Checker, query: &str) -> ShapeId {
    let asked = Asked::List(Box::new(list_query(query)));
    checker.register(&format!("/v1/movies?{query}"), asked)
}

/// Takes up a movie.
pub(crate) fn movie(checker: &Checker, id: i64) -> ShapeId {
    let asked = Asked::Movie(id.to_string().parse().expect("an id"));
    checker.register(&format!("/v1/movies/{id}"), asked)
}

/// Takes up a fixed set of questions, in an order that the seed decides: readers prefer the first ones.
/// `ids` are those of movies that there are when the run begins.
pub(crate) fn register(checker: &Checker, dice: &mut Dice, ids: &[i64]) -> Vec<ShapeId> {
    let mut shapes: Vec<ShapeId> =
        lists(dice, ids).iter().map(|text| list(checker, text)).collect();
    let last = ids.last().copied().unwrap_or_default();
    // Movies that there are, that come and go, and that there will never be.
    let movies = ids.iter().step_by(6).copied().chain(last + 1..last + 40).chain([99_999_999]);
    shapes.extend(movies.map(|id| movie(checker, id)));
    for number in (FIRST_IMDB_ID..FIRST_IMDB_ID + 320).step_by(8) {
        let id = format!("tt{number}");
        let asked = Asked::Imdb(id.parse().expect("an IMDb id"));
        shapes.push(checker.register(&format!("/v1/movies/imdb/{id}"), asked));
    }
    for at in (1..shapes.len()).rev() {
        shapes.swap(at, usize::try_from(dice.roll(at as u64 + 1)).expect("small"));
    }
    // Often asked for, so early.
    shapes.insert(3, checker.register("/v1/genres", Asked::Genres));
    shapes.insert(30, checker.register("/search", Asked::Compat));
    shapes
}

fn one(dice: &mut Dice, names: &[&'static str]) -> &'static str {
    names[usize::try_from(dice.roll(names.len() as u64)).expect("few")]
}

fn lists(dice: &mut Dice, ids: &[i64]) -> Vec<String> {
    let mut lists = Vec::new();
    let limit = |dice: &mut Dice| 1 + dice.roll(20);
    for key in SortKey::ALL {
        lists.push(format!("sort={}&limit={}", key.name(), limit(dice)));
        lists.push(format!("sort=-{}&limit={}", key.name(), limit(dice)));
    }
    lists.extend((2..6).map(|page| format!("limit=10&page={page}")));
    for genre in GENRES {
        let genre = encode(genre);
        let key = dice.pick(&SortKey::ALL).name();
        lists.push(format!("genre={genre}&limit=10"));
        lists.push(format!("genre={genre}&limit=5&page=3&sort=-{key}"));
        lists.push(format!("genre={genre}&sort={key}&limit={}", limit(dice)));
        lists.push(format!("genre_not={genre}&limit=10&sort=title"));
    }
    for _ in 0..24 {
        let (a, b) = (encode(one(dice, &GENRES)), encode(one(dice, &GENRES)));
        let c = encode(one(dice, &GENRES));
        lists.push(match dice.roll(4) {
            0 => format!("genre={a},{b}&limit=10"),
            1 => format!("genre={a}%7C{b}&limit=10&sort=-rating"),
            2 => format!("genre={a}%7C{b}&genre_not={c}&limit=10"),
            _ => format!(
                "genre={a}&year_min={}&limit=10&fields=id,title,version",
                1950 + dice.roll(6)
            ),
        });
    }
    lists.extend(DIRECTORS.iter().map(|name| format!("director={}&limit=10", encode(name))));
    lists.extend(COUNTRIES.iter().map(|name| format!("country={}&limit=10", encode(name))));
    lists.push("rating_min=7&rating_max=8.5&limit=10".to_owned());
    lists.push("year=1953&sort=-votes&limit=10".to_owned());
    for _ in 0..10 {
        let ids: Vec<String> = (0..=dice.roll(20)).map(|_| dice.pick(ids).to_string()).collect();
        lists.push(format!("ids={}&limit=20", ids.join(",")));
    }
    lists.sort_unstable();
    lists.dedup();
    lists
}

/// Takes up the page that an answer links to as the next one or the one before, unless there are enough
/// such pages.
pub(crate) fn follow(
    checker: &Checker,
    query: &ListQuery,
    body: &str,
    followed: &mut Vec<ShapeId>,
    dice: &mut Dice,
) {
    if followed.len() >= FOLLOWED {
        return;
    }
    let relation = if dice.roll(4) == 0 { "\"prev\":\"" } else { "\"next\":\"" };
    let Some((_, rest)) = body.rsplit_once(relation) else { return };
    let Some((cursor, _)) = rest.split_once('"') else { return };
    let start = marquee::domain::list::Start::First;
    let text = ListQuery { start, ..query.clone() }.canonical();
    let shape = list(checker, &format!("{text}&cursor={cursor}"));
    if !followed.contains(&shape) {
        followed.push(shape);
    }
}
