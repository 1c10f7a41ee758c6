//! The index and the database say the same.

use serde_json::{Value, json};

use super::{Searched, titles};
use crate::{app::TestApp, backend::on_every_backend};

on_every_backend! {
    lists_are_the_same_from_the_index_and_from_the_database,
    facets_and_totals_are_those_of_lists,
}

/// Numbers that look random, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(most)).expect("it is below a u32")
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let most = u32::try_from(all.len()).expect("there are few");
        all[usize::try_from(self.below(most)).unwrap()]
    }
}

const GENRES: [&str; 5] = ["Drama", "Comedy", "War", "Sci-Fi", "Horror"];
const COUNTRIES: [&str; 3] = ["France", "Japan", "India"];
const LANGUAGES: [&str; 3] = ["French", "Japanese", "Hindi"];

/// Writes movies, some of which it changes and deletes again.
async fn write(app: &Searched, random: &mut Random) -> String {
    let mut operations = Vec::new();
    for n in 0..160 {
        let mut genres: Vec<&str> = (0..random.below(4)).map(|_| random.one_of(&GENRES)).collect();
        genres.sort_unstable();
        genres.dedup();
        let rating = (random.below(8) > 0).then(|| f64::from(random.below(101)) / 10.0);
        let year = (random.below(8) > 0).then(|| 1950 + random.below(70));
        let movie = json!({
            "title": format!("Film {} {n}", random.one_of(&["Élan", "zoo", "Ärger", "ocean"])),
            "genres": genres, "rating": rating, "year": year,
            "countries": [random.one_of(&COUNTRIES)], "languages": [random.one_of(&LANGUAGES)],
            "votes": random.below(30), "popularity": f64::from(random.below(50)) / 2.0,
        });
        operations.push(json!({"op": "create", "movie": movie}));
    }
    for _ in 0..30 {
        let movie = json!({"genres": [random.one_of(&GENRES)], "rating": 5.0});
        operations.push(json!({"op": "update", "id": 1 + random.below(160), "movie": movie}));
        operations.push(json!({"op": "delete", "id": 1 + random.below(160)}));
    }
    let batch = app.0.post("/v1/movies/batch", &json!({"operations": operations})).await;
    batch.expect(207).header("catalog-revision").to_owned()
}

fn filter(random: &mut Random) -> String {
    let mut parts = Vec::new();
    if random.below(2) == 0 {
        let separator = random.one_of(&[",", "%7C"]);
        parts.push(format!(
            "genre={}{separator}{}",
            random.one_of(&GENRES[..3]),
            random.one_of(&GENRES[3..])
        ));
    }
    if random.below(3) == 0 {
        parts.push(format!("genre_not={}", random.one_of(&GENRES)));
    }
    if random.below(3) == 0 {
        parts.push(format!("country={}", random.one_of(&COUNTRIES)));
    }
    if random.below(3) == 0 {
        parts.push(format!("language={}", random.one_of(&LANGUAGES)));
    }
    if random.below(3) == 0 {
        parts.push(format!("year_min={}", 1950 + random.below(60)));
    }
    if random.below(3) == 0 {
        parts.push(format!("rating_max={}", f64::from(random.below(100)) / 10.0));
    }
    parts.join("&")
}

async fn lists_are_the_same_from_the_index_and_from_the_database(app: Searched) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let at = write(&app, &mut random).await;
    app.at_least("/v1/search?q=film", &at).await.expect(200);
    let plain = TestApp::start(app.0.database.same(), &[]).await;
    for _ in 0..120 {
        let sort = random.one_of(&["popularity", "rating", "votes", "year", "title", "created"]);
        let descending = random.one_of(&["", "-"]);
        let mut target =
            format!("/v1/movies?{}&sort={descending}{sort}&limit=7", filter(&mut random));
        for _ in 0..3 {
            let (indexed, stored) = (app.0.get(&target).await, plain.get(&target).await);
            let (indexed, stored) = (indexed.expect(200).json(), stored.expect(200).json());
            assert_eq!(indexed["data"], stored["data"], "{target}");
            assert_eq!(indexed["page"], stored["page"], "{target}");
            let Some(next) = stored["page"]["next"].as_str() else { break };
            let (start, _) = target.split_once("&cursor=").unwrap_or((&target, ""));
            target = format!("{start}&cursor={next}");
        }
    }
}

async fn facets_and_totals_are_those_of_lists(app: Searched) {
    let mut random = Random(0x1234_5678_9abc_def1);
    let at = write(&app, &mut random).await;
    app.at_least("/v1/search?q=film", &at).await.expect(200);
    for _ in 0..40 {
        let filter = filter(&mut random);
        let target =
            format!("/v1/search?q=film&{filter}&facets=genre,decade,country,language,rating");
        let found = app.0.get(&target).await.expect(200).json();
        let list = app.0.get(&format!("/v1/movies?{filter}&limit=500")).await.expect(200);
        let rows = list.json()["data"].as_array().unwrap().clone();
        assert_eq!(found["page"]["total"], rows.len(), "{target}");
        assert_eq!(titles(&list).len(), rows.len());
        let counts = |facet: &str| found["facets"][facet].as_array().cloned().unwrap_or_default();
        for (facet, field) in
            [("genre", "genres"), ("country", "countries"), ("language", "languages")]
        {
            for count in counts(facet) {
                let has = |row: &&Value| row[field].as_array().unwrap().contains(&count["value"]);
                assert_eq!(count["count"], rows.iter().filter(has).count(), "{target}: {count}");
            }
        }
        for (facet, field, step) in [("decade", "year", 10.0), ("rating", "rating", 1.0)] {
            for count in counts(facet) {
                let low = count["value"].as_f64().unwrap();
                let has = |row: &&Value| {
                    row[field].as_f64().is_some_and(|value| low <= value && value < low + step)
                };
                assert_eq!(count["count"], rows.iter().filter(has).count(), "{target}: {count}");
            }
        }
    }
}
