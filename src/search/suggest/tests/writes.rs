//! Answers after any writes are those of the model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    domain::{
        movie::{MovieData, MovieId},
        suggest::{Kind, SuggestQuery, fold},
    },
    search::suggest::{Options, Suggester, item::Item},
};

use super::{
    model::{known, model},
    movie,
};

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "(The|A|of|L'|Star|Stair|Wars|Wart|Spider|Man|Spiderman|Godfather|God|Father|Redemption)",
        "[ab]{1,3}",
        "(Shawshank|Amélie|Амели|東京|Ramsey|Redempton|X|Men|II|2|Two|10|Dr|Doctor|De|Niro|Deniro|Saint)",
    ];
    proptest::collection::vec(word, 1..4).prop_map(|words| words.join(" "))
}

fn data() -> impl Strategy<Value = MovieData> {
    let people = || proptest::collection::vec(text(), 0..3);
    (text(), people(), people(), 0_u8..10, proptest::option::of(2000_i16..2003)).prop_map(
        |(title, cast, directors, popularity, year)| MovieData {
            title,
            cast,
            directors,
            year,
            popularity: Some(f64::from(popularity) * 10.0),
            ..MovieData::default()
        },
    )
}

#[derive(Debug, Clone)]
enum Write {
    Put(i64, Box<MovieData>),
    Delete(i64),
    Compact,
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        20 => (1..40_i64, data()).prop_map(|(id, data)| Write::Put(id, data.into())),
        6 => (1..40_i64).prop_map(Write::Delete),
        1 => Just(Write::Compact),
    ]
}

/// What somebody types: a text, cut short, with a slip or two.
fn typed() -> impl Strategy<Value = String> {
    let slip = (0..4_u8, 0..20_usize);
    (text(), 1..20_usize, proptest::collection::vec(slip, 0..3)).prop_map(|(text, end, slips)| {
        let mut letters: Vec<char> = fold(&text).text.chars().take(end).collect();
        for (kind, at) in slips {
            let at = at % letters.len().max(1);
            match kind {
                0 if letters.len() > 1 => _ = letters.remove(at),
                1 => letters.insert(at, 'a'),
                2 if at > 0 => letters.swap(at - 1, at),
                _ => letters[at] = 'm',
            }
        }
        letters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn answers_after_writes_are_those_of_a_model(
        first in proptest::collection::vec(data(), 0..20),
        writes in proptest::collection::vec(write(), 0..40),
        queries in proptest::collection::vec((typed(), 1..=10_u8), 20),
    ) {
        let suggester = Suggester::new(Options::default());
        let mut items: BTreeMap<MovieId, Item> = BTreeMap::new();
        let mut builder = suggester.builder();
        for (id, data) in (1..).zip(&first) {
            let id = MovieId::new(id).unwrap();
            builder.add(id, data);
            items.insert(id, Item::from_data(id, data));
        }
        assert!(builder.publish());
        for write in &writes {
            match write {
                Write::Put(id, data) => {
                    let movie = movie(*id, MovieData::clone(data));
                    suggester.put(&movie);
                    items.insert(movie.id, Item::of(&movie));
                }
                Write::Delete(id) => {
                    let id = MovieId::new(*id).unwrap();
                    suggester.delete(id);
                    items.remove(&id);
                }
                Write::Compact => suggester.compact(),
            }
        }
        let all = known(&items);
        let view = suggester.view.load_full();
        for person in all.iter().filter(|known| known.row.kind == Kind::Person) {
            let found = view.person(&person.row.text);
            let score = found.map(|(layer, n)| view.layers[layer].segment.score(Kind::Person, n));
            prop_assert_eq!(score.map(i32::from), Some(person.score), "{}", person.row.text);
        }
        for (text, limit) in queries {
            let Some(mut query) = SuggestQuery::new(&text) else { continue };
            query.limit = limit;
            prop_assert_eq!(suggester.suggest(&query), model(&all, &query), "{}", query.text);
        }
        let people = all.iter().filter(|known| known.row.kind == Kind::Person).count();
        let size = suggester.size();
        prop_assert_eq!((size.movies, size.people), (items.len(), people));
    }
}
