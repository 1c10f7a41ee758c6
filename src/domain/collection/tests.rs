use serde_json::{Value, json};

use super::*;
use crate::domain::invalid::Invalid;

fn read_new(value: &Value) -> Result<(Slug, Definition), Invalid> {
    read(value.as_object().expect("an object"), Naming::New)
}

fn faults(value: &Value) -> Vec<String> {
    read_new(value).expect_err("faults").faults().iter().map(ToString::to_string).collect()
}

fn good() -> Value {
    json!({
        "slug": "noir-november", "title": " Noir November ", "description": "Rain.",
        "movies": [1, "tt0032138"], "query": "genre=Film+Noir&limit=20", "exclude": [7],
        "seasons": [{"from": "--11-01", "to": "--11-30", "timezone": "UTC"}],
    })
}

#[test]
fn a_slug_is_words_joined_by_hyphens() {
    for good in ["a", "the-70s", "1939", &"a".repeat(64)] {
        assert_eq!(good.parse::<Slug>().map(|slug| slug.to_string()), Ok(good.to_owned()));
    }
    for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a b", "é", "c:*", "a/b", &"a".repeat(65)] {
        assert_eq!(bad.parse::<Slug>(), Err(()), "{bad}");
    }
}

#[test]
fn a_definition_reads_as_it_is_written() {
    let (slug, definition) = read_new(&good()).unwrap();
    assert_eq!(definition.title, "Noir November");
    let query = definition.query.as_ref().unwrap();
    assert_eq!(query.to_string(), "genre=film%20noir&limit=20");
    let then = Moment::from_unix_ms(0);
    let (version, revision) = (1, Revision::ZERO);
    let stored =
        Collection { slug, definition, version, revision, created_at: then, updated_at: then };
    for text in [stored.to_line(), serde_json::to_string(&DefinitionView(&stored)).unwrap()] {
        let value: Value = serde_json::from_str(&text).unwrap();
        let again = read(value.as_object().unwrap(), Naming::Document).unwrap();
        assert_eq!(again, (stored.slug.clone(), stored.definition.clone()));
    }
}

#[test]
fn a_query_may_be_text_or_an_object() {
    let mut object = good();
    object["query"] = json!({"genre": ["Film Noir"], "limit": 20});
    assert_eq!(read_new(&object), read_new(&good()));
    object["query"] =
        json!({"q": "Rainy  NIGHT ", "genre": ["Film Noir"], "sort": "-year", "limit": 10});
    let as_object = read_new(&object).unwrap();
    object["query"] = json!("sort=-year&limit=10&genre=film+noir&q=rainy+night+");
    assert_eq!(read_new(&object).unwrap(), as_object);
    let text = as_object.1.query.unwrap().to_string();
    assert_eq!(text, "q=rainy%20night%20&genre=film%20noir&sort=-year&limit=10");
    object["query"] = json!({"ids": [3, 1, 2]});
    let (_, definition) = read_new(&object).unwrap();
    assert_eq!(definition.query.unwrap().to_string(), "ids=1%2C2%2C3".replace("%2C", ","));
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let bad = json!({
        "slug": "Noir", "title": " ", "description": 1, "movies": [1, 0, "tt1", 1, null],
        "exclude": [1], "query": {"genre": "", "limit": 501, "page": 2, "colour": "red", "facets": "genre"},
        "seasons": [], "version": 1, "shelf": "x",
    });
    let mut starts = vec![
        "/description: must be a string",
        "/exclude/0: 1 is one of movies",
        "/movies/1: must be",
        "/movies/2: must be",
        "/movies/3: 1 is there twice",
        "/movies/4: must be",
        "/query/colour: is not",
        "/query/facets: facets does not belong",
        "/query/genre: a genre has",
        "/query/limit: must be",
        "/query/page: page does not belong",
        "/seasons: must have a season",
        "/shelf: is no member",
        "/slug: must be words",
        "/title: must not be blank",
        "/version: is set by the service",
    ];
    let mut faults = faults(&bad);
    faults.sort();
    starts.sort_unstable();
    assert_eq!(faults.len(), starts.len(), "{faults:#?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault} is not {start}");
    }
}

#[test]
fn there_are_movies_or_a_query() {
    let titled = |more: Value| {
        let mut value = json!({"slug": "a", "title": "A"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    assert!(read_new(&titled(json!({"movies": [1]}))).is_ok());
    assert!(read_new(&titled(json!({"query": ""}))).is_ok(), "the whole catalogue is a list, too");
    for bad in [
        json!({}),
        json!({"movies": []}),
        json!({"movies": [1], "exclude": [2]}),
        json!({"query": 1}),
    ] {
        assert_eq!(faults(&titled(bad)).len(), 1);
    }
}

#[test]
fn what_is_saved_as_text_names_the_parameters_in_its_faults() {
    let bad =
        json!({"slug": "a", "title": "A", "query": "limit=101&q=-rain&highlight=true&genre=%zz"});
    let mut faults = faults(&bad);
    faults.sort();
    let starts = [
        "/query: genre has a bad",
        "/query: highlight does not belong",
        "/query: limit must be",
        "/query: q must have a word",
    ];
    assert!(faults.iter().zip(starts).all(|(fault, start)| fault.starts_with(start)), "{faults:?}");
    assert_eq!(faults.len(), starts.len());
}

#[test]
fn a_search_is_asked_for_as_many_more_as_may_have_to_be_left_out() {
    let limit = |query: &str| {
        let value =
            json!({"slug": "a", "title": "A", "movies": [1, 2], "query": query, "exclude": [3]});
        read_new(&value).unwrap().1.search().map(|search| search.limit)
    };
    assert_eq!(limit("q=rain"), Some(23));
    assert_eq!(limit("q=rain&limit=100"), Some(103));
    assert_eq!(limit("genre=drama"), None);
}

#[test]
fn a_name_that_is_known_stays() {
    let slug: Slug = "noir-november".parse().unwrap();
    let good = good();
    let object = good.as_object().unwrap();
    assert!(read(object, Naming::Known(&slug)).is_ok());
    let other: Slug = "other".parse().unwrap();
    assert!(read(object, Naming::Known(&other)).is_err());
}

#[test]
fn a_collection_depends_on_itself_its_movies_and_its_query() {
    let of = |value: Value, found: Option<&[Option<MovieId>]>| {
        let (slug, definition) = read_new(&value).unwrap();
        definition.scopes(&slug, found)
    };
    let a = || Scope::Collection("a".into());
    let fixed = json!({"slug": "a", "title": "A", "movies": [1, 65537, 2]});
    assert_eq!(of(fixed, None), [Scope::Item(1), Scope::Item(2), a()]);
    let query = json!({"slug": "a", "title": "A", "query": "genre=drama|horror&sort=title"});
    let genres = ["drama", "horror"].map(|genre| Scope::Genre(genre.into()));
    assert_eq!(of(query, None), [genres[0].clone(), genres[1].clone(), a()]);
    let search = json!({"slug": "a", "title": "A", "movies": [1], "query": "q=rain&genre=drama"});
    assert_eq!(of(search, None), [Scope::All]);
    let named = json!({"slug": "a", "title": "A", "movies": ["tt0032138"]});
    assert_eq!(of(named.clone(), None), [Scope::Movies, a()]);
    assert_eq!(of(named.clone(), Some(&[None])), [Scope::Movies, a()]);
    assert_eq!(of(named, Some(&[MovieId::new(5)])), [Scope::Item(5), a()]);
}
