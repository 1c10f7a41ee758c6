//! The same requests have the same answers, byte for byte, whichever database is behind.

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    app::TestApp,
    backend::{Backend, Database},
    client::Answer,
};

/// Requests of the run.
const REQUESTS: usize = 400;
/// What the run is made from; another number is another run.
const SEED: u64 = 20_261_124;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_backend_gives_the_same_answers() {
    let backends = [
        Backend::Sqlite,
        Backend::MariaDb,
        #[cfg(feature = "test-mysql")]
        Backend::MySql,
    ];
    let mut apps = Vec::new();
    for backend in backends {
        apps.push(TestApp::start(Database::new(backend).await, &[]).await);
    }
    let mut chance = Chance(SEED);
    let mut links = vec!["/v1/movies?sort=title&limit=3".to_owned()];
    for n in 0..REQUESTS {
        let (method, target, body) = request(&mut chance, &links);
        let mut answers = Vec::new();
        for app in &apps {
            let asked = app.request(method.clone(), &target).header("x-request-id", &n.to_string());
            let asked =
                body.as_ref().map_or_else(|| asked.clone(), |body| asked.clone().json(body));
            answers.push(plain(&asked.send().await));
        }
        for other in &answers[1..] {
            assert_eq!(&answers[0], other, "{n}: {method} {target} {body:?}");
        }
        let (status, headers, _) = &answers[0];
        assert!(*status < 500, "{n}: {method} {target} {body:?}");
        let link = headers.iter().find(|(name, _)| name == "link");
        let next = link.and_then(|(_, text)| text.strip_prefix('<')?.split_once('>'));
        links.extend(next.map(|(target, _)| target.to_owned()));
    }
}

/// An answer without what has no part in its meaning.
fn plain(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    // How long an answer is kept is left to chance.
    headers.retain(|(name, _)| name != "date" && name != "cache-status");
    headers.sort();
    (answer.status.as_u16(), headers, answer.text())
}

/// Numbers that look random and are the same in each run (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    fn value(&mut self, choices: &Value) -> Value {
        let choices = choices.as_array().unwrap();
        choices[self.below(choices.len())].clone()
    }

    fn whether(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const TITLES: [&str; 14] = [
    "Alien",
    "ALIEN",
    "Àlien",
    "alien\u{301}",
    "Ａｌｉｅｎ",
    "Αλιεν",
    "Чужой",
    "異形",
    "\u{202e}neilA",
    "🛸",
    "\u{0}",
    "\u{1D160}",
    "ﷺ",
    "Straße \"x\" \\ %_",
];
const GENRES: [&str; 9] =
    ["Drama", "DRAMA ", "Sci-Fi", "Comédie", "COME\u{301}DIE", "İstanbul", "ß", "ss", "a,b|c\\"];
const NAMES: [&str; 6] = ["Ana", "ÁNA", "宮崎 駿", "O'Neil", "😀", "ſ"];
const SORTS: [&str; 6] = ["popularity", "rating", "votes", "year", "title", "created"];

fn movie(chance: &mut Chance) -> Value {
    let repeat = if chance.whether(10) { 500 } else { 1 + chance.below(3) };
    let title: String = chance.of(&TITLES).chars().cycle().take(repeat).collect();
    let mut movie = json!({"title": title});
    let mut set = |percent, name: &str, value: &mut dyn FnMut(&mut Chance) -> Value| {
        if chance.whether(percent) {
            movie[name] = value(chance);
        }
    };
    set(60, "genres", &mut |chance| {
        (0..chance.below(4)).map(|_| Value::from(chance.of(&GENRES))).collect()
    });
    set(50, "directors", &mut |chance| {
        (0..chance.below(4)).map(|_| Value::from(chance.of(&NAMES))).collect()
    });
    set(30, "cast", &mut |chance| {
        (0..chance.below(3)).map(|_| Value::from(chance.of(&TITLES).repeat(9))).collect()
    });
    set(20, "countries", &mut |chance| json!([chance.of(&["France", "日本"])]));
    set(20, "synopsis", &mut |chance| chance.of(&TITLES).repeat(chance.below(500)).into());
    set(60, "year", &mut |chance| chance.value(&json!([1870, 1979, 2100, null, 1869])));
    set(60, "rating", &mut |chance| {
        chance.value(&json!([0, 10, 0.1, 7.3, 9.999_999_999_999_998, 11]))
    });
    set(60, "popularity", &mut |chance| {
        chance.value(&json!([0, 100, 1e-7, 33.333_333_333_333_336]))
    });
    set(60, "votes", &mut |chance| chance.value(&json!([0, 1, 9_007_199_254_740_991_i64, -1])));
    set(20, "imdb_id", &mut |chance| format!("tt{:07}", chance.below(30)).into());
    set(10, "released", &mut |chance| {
        chance.of(&["0000-01-01", "9999-12-31", "2001-02-29"]).into()
    });
    movie
}

fn request(chance: &mut Chance, links: &[String]) -> (Method, String, Option<Value>) {
    let item = format!("/v1/movies/{}", 1 + chance.below(100));
    match chance.below(100) {
        0..30 => (Method::POST, "/v1/movies".to_owned(), Some(movie(chance))),
        30..36 => (Method::PUT, item, Some(movie(chance))),
        36..44 => (Method::PATCH, item, Some(movie(chance))),
        44..48 => (Method::DELETE, item, None),
        48..52 => {
            let operation = |chance: &mut Chance| match chance.below(3) {
                0 => json!({"op": "create", "movie": movie(chance)}),
                1 => json!({"op": "update", "id": 1 + chance.below(100), "movie": movie(chance)}),
                _ => json!({"op": "delete", "id": 1 + chance.below(100)}),
            };
            let operations: Vec<Value> = (0..=chance.below(9)).map(|_| operation(chance)).collect();
            let target = chance.of(&["/v1/movies/batch", "/v1/movies/batch?atomic=true"]);
            (Method::POST, target.to_owned(), Some(json!({"operations": operations})))
        }
        52..56 => (Method::GET, item, None),
        56..60 => {
            let target = chance.of(&[
                "/v1/genres",
                "/v1/changes?since=0",
                "/v1/export",
                "/search",
                "/v1/movies/imdb/tt0000007",
            ]);
            (Method::GET, target.to_owned(), None)
        }
        60..72 => (Method::GET, links[chance.below(links.len())].clone(), None),
        _ => (Method::GET, list(chance), None),
    }
}

fn list(chance: &mut Chance) -> String {
    let escape = |text: &str| {
        let encoded = |byte: u8| format!("%{byte:02X}");
        text.bytes().map(encoded).collect::<String>()
    };
    let genre = |chance: &mut Chance| escape(&chance.of(&GENRES).replace(['\\', ',', '|'], ""));
    let minus = chance.of(&["", "-"]);
    let mut target = format!("/v1/movies?sort={minus}{}", chance.of(&SORTS));
    if chance.whether(40) {
        let separator = chance.of(&["%2C", "%7C"]);
        let (one, other) = (genre(chance), genre(chance));
        target.extend(["&genre=", &one, separator, &other]);
    }
    for (percent, name) in [(20, "genre"), (20, "genre_not")] {
        if chance.whether(percent) {
            target.extend(["&", name, "=", &genre(chance)]);
        }
    }
    for (percent, text) in [
        (20, "&rating_min=0.1"),
        (10, "&rating_max=7.3"),
        (15, "&year_min=1979"),
        (10, "&year=1979"),
        (10, "&ids=1,2,3,5,8,13,21,34,55,89"),
        (10, "&page=2"),
        (50, "&limit=4"),
        (20, "&fields=id,title,genres"),
        (3, "&colour=red"),
    ] {
        if chance.whether(percent) {
            target += text;
        }
    }
    if chance.whether(15) {
        target.extend(["&director=", &escape(chance.of(&NAMES))]);
    }
    target
}
