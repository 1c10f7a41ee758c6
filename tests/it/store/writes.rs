//! What writes do, and what they leave undone.

use std::sync::Arc;

use marquee::{
    domain::{
        clock::Moment,
        movie::MovieId,
        patch::Change,
        revision::{Revision, Scope},
    },
    store::{
        MUTATIONS_MAX, Once, OnceKey, Store,
        mutation::{Mutation, Outcome, Recognise},
    },
};
use serde_json::{Value, json};

use super::{create, created, data, query};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    what_is_created_is_read_back_byte_for_byte,
    a_second_movie_with_an_imdb_id_is_refused,
    movies_can_swap_their_imdb_ids,
    an_update_with_a_stale_version_changes_nothing,
    an_update_that_changes_nothing_makes_no_revision,
    genres_are_spelled_as_first_stored,
    a_deleted_movie_leaves_nothing_in_lists_and_counts,
    a_transaction_with_one_failure_writes_nothing,
    a_write_raises_the_revision_by_one_and_touches_its_scopes_only,
    a_write_touches_what_lists_go_by_only_where_that_changes,
    who_asks_for_all_scopes_is_told_the_last_revision_of_each,
    concurrent_writers_make_revisions_without_gaps,
    one_of_two_rivals_for_an_imdb_id_wins,
    a_create_under_a_key_is_done_once,
    a_key_is_forgotten_after_a_day,
    rivals_under_one_key_make_one_movie,
    the_largest_batch_is_written,
    an_import_recognises_its_movies,
    an_import_by_id_keeps_the_id,
    a_bump_touches_the_scope_that_everything_depends_on,
}

fn merge(id: MovieId, members: &Value, expect: Option<i64>) -> Mutation {
    let members = members.as_object().expect("an object").clone();
    Mutation::Change { id, change: Change::Merge(members), expect }
}

async fn one(store: &Store, mutation: Mutation) -> Outcome {
    store.write(&[mutation], None).await.expect("a write").outcomes.pop().expect("an outcome")
}

async fn what_is_created_is_read_back_byte_for_byte(store: TestStore) {
    let full = json!({
        "title": "🎬 Ⅷ½ — Дзи́га ’n’ 映画\u{0}\u{7f}\\\"", "year": 1963, "released": "1963-02-14",
        "runtime_minutes": 138, "directors": ["Федерико Феллини", " Federico  Fellini "],
        "genres": ["Comedy-Drama", "Драма", "𝒜vant-garde"], "cast": ["Marcello Mastroianni", "e\u{301}"],
        "countries": ["Italia", "France"], "languages": ["italiano"], "synopsis": "A\n\tdirector.\u{1F3AC}",
        "rating": 8.0, "votes": 9_007_199_254_740_991_i64, "popularity": 0.1, "imdb_id": "tt0056801"
    });
    let movie = created(&store, &full).await;
    assert_eq!(movie.data, data(&full));
    assert_eq!(movie.version, 1);
    let read = store.movie(movie.id).await.expect("a read");
    assert_eq!(read.value.as_ref(), Some(&movie));
    let by_imdb =
        store.movie_by_imdb_id(&"tt0056801".parse().expect("an id")).await.expect("a read");
    assert_eq!(by_imdb, read);
    let bare = created(&store, &json!({"title": "x"})).await;
    assert_eq!(store.movie(bare.id).await.expect("a read").value, Some(bare));
}

async fn a_second_movie_with_an_imdb_id_is_refused(store: TestStore) {
    let first = created(&store, &json!({"title": "a", "imdb_id": "tt0000001"})).await;
    let second = created(&store, &json!({"title": "b"})).await;
    let taken = Outcome::ImdbIdTaken { by: Some(first.id) };
    assert_eq!(one(&store, create(&json!({"title": "c", "imdb_id": "tt0000001"}))).await, taken);
    assert_eq!(one(&store, merge(second.id, &json!({"imdb_id": "tt0000001"}), None)).await, taken);
    assert_eq!(store.movie(second.id).await.expect("a read").value, Some(second));
    let same = one(&store, merge(first.id, &json!({"imdb_id": "tt0000001"}), None)).await;
    assert_eq!(same, Outcome::Unchanged(Box::new(first)));
}

async fn movies_can_swap_their_imdb_ids(store: TestStore) {
    let first = created(&store, &json!({"title": "a", "imdb_id": "tt0000001"})).await;
    let second = created(&store, &json!({"title": "b", "imdb_id": "tt0000002"})).await;
    let swap = [
        merge(first.id, &json!({"imdb_id": null}), None),
        merge(second.id, &json!({"imdb_id": "tt0000001"}), None),
        merge(first.id, &json!({"imdb_id": "tt0000002"}), None),
    ];
    let outcomes = store.write(&swap, None).await.expect("a write").outcomes;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Updated(_))), "{outcomes:?}");
    let found = store.movie_by_imdb_id(&"tt0000001".parse().expect("an id")).await.expect("a read");
    assert_eq!(found.value.map(|movie| movie.id), Some(second.id));
}

async fn an_update_with_a_stale_version_changes_nothing(store: TestStore) {
    let movie = created(&store, &json!({"title": "a"})).await;
    let updated = one(&store, merge(movie.id, &json!({"year": 1999}), Some(1))).await;
    assert!(matches!(&updated, Outcome::Updated(movie) if movie.version == 2));
    let before = store.revision().await.expect("a revision");
    let stale = Outcome::Stale { id: movie.id, version: 2 };
    assert_eq!(one(&store, merge(movie.id, &json!({"year": 2000}), Some(1))).await, stale);
    assert_eq!(one(&store, Mutation::Delete { id: movie.id, expect: Some(3) }).await, stale);
    let now = store.movie(movie.id).await.expect("a read");
    assert_eq!(now.value.and_then(|movie| movie.data.year), Some(1999));
    assert_eq!(now.revision, before);
}

async fn an_update_that_changes_nothing_makes_no_revision(store: TestStore) {
    let movie = created(&store, &json!({"title": "a", "genres": ["Drama"]})).await;
    let same = json!({"title": " a ", "genres": ["DRAMA "]});
    assert_eq!(
        one(&store, merge(movie.id, &same, None)).await,
        Outcome::Unchanged(Box::new(movie))
    );
    assert_eq!(store.revision().await.expect("a revision"), Revision::new(1).expect("one"));
}

async fn genres_are_spelled_as_first_stored(store: TestStore) {
    created(&store, &json!({"title": "a", "genres": ["Sci-Fi"]})).await;
    let second = created(&store, &json!({"title": "b", "genres": [" SCI-FI ", "Noir"]})).await;
    assert_eq!(second.data.genres, ["Sci-Fi", "Noir"]);
    let genres = store.genres().await.expect("genres").value;
    let genres: Vec<_> = genres.iter().map(|genre| (genre.name.as_str(), genre.movies)).collect();
    assert_eq!(genres, [("Noir", 1), ("Sci-Fi", 2)]);
}

async fn a_deleted_movie_leaves_nothing_in_lists_and_counts(store: TestStore) {
    let movie =
        created(&store, &json!({"title": "a", "genres": ["Drama"], "directors": ["D"]})).await;
    let delete = || Mutation::Delete { id: movie.id, expect: None };
    assert_eq!(one(&store, delete()).await, Outcome::Deleted(movie.id));
    assert_eq!(one(&store, delete()).await, Outcome::NotFound(movie.id));
    for text in ["", "genre=drama", "director=d", "genre_not=x"] {
        let list = store.list(&query(text)).await.expect("a list").value;
        assert_eq!(
            (list.movies.len(), list.total),
            (0, marquee::domain::list::Total::Exact(0)),
            "{text}"
        );
    }
    assert!(store.genres().await.expect("genres").value.is_empty());
    let next = created(&store, &json!({"title": "b"})).await;
    assert!(next.id > movie.id, "an id is not given twice");
}

async fn a_transaction_with_one_failure_writes_nothing(store: TestStore) {
    let movie = created(&store, &json!({"title": "a"})).await;
    let nobody = MovieId::new(999_999).expect("positive");
    let mutations = [
        create(&json!({"title": "new", "genres": ["Unheard-of"]})),
        merge(movie.id, &json!({"title": "changed"}), None),
        Mutation::Delete { id: nobody, expect: None },
        merge(movie.id, &json!({"title": null}), None),
    ];
    let written = store.write(&mutations, None).await.expect("an answer");
    assert_eq!(written.revision, None);
    let [Outcome::NotDone, Outcome::NotDone, Outcome::NotFound(id), Outcome::Invalid(_)] =
        written.outcomes.as_slice()
    else {
        panic!("{:?}", written.outcomes);
    };
    assert_eq!(*id, nobody);
    assert_eq!(store.movie(movie.id).await.expect("a read").value, Some(movie));
    assert!(store.genres().await.expect("genres").value.is_empty());
    assert_eq!(store.changes(Revision::ZERO, 100).await.expect("changes").value.len(), 1);
}

async fn touched(store: &Store, since: Revision) -> Vec<String> {
    let scopes = store.watch(since).await.expect("scopes").scopes;
    let mut scopes: Vec<String> = scopes.iter().map(|(scope, _)| scope.to_string()).collect();
    scopes.sort();
    scopes
}

async fn a_write_raises_the_revision_by_one_and_touches_its_scopes_only(store: TestStore) {
    let revision = |raw| Revision::new(raw).expect("not negative");
    let movie = created(&store, &json!({"title": "a", "genres": ["Drama", "War"]})).await;
    let item = format!("i:{}", movie.id.get() % 65_536);
    assert_eq!(
        touched(&store, Revision::ZERO).await,
        ["*", "g", "g:drama", "g:war", item.as_str()]
    );
    one(&store, merge(movie.id, &json!({"genres": ["War", "Noir"]}), None)).await;
    // The genre that it lost, the one that it won, and the one that it kept.
    assert_eq!(
        touched(&store, revision(1)).await,
        ["*", "g", "g:drama", "g:noir", "g:war", item.as_str()]
    );
    one(&store, merge(movie.id, &json!({"genres": []}), None)).await;
    one(&store, merge(movie.id, &json!({"year": 1999}), None)).await;
    assert_eq!(touched(&store, revision(3)).await, ["*", "g", item.as_str()]);
    assert_eq!(store.revision().await.expect("a revision"), revision(4));
}

async fn who_asks_for_all_scopes_is_told_the_last_revision_of_each(store: TestStore) {
    let titled = |titles: &[&str]| -> Vec<Mutation> {
        titles.iter().map(|title| create(&json!({"title": title, "genres": [title]}))).collect()
    };
    store.write(&titled(&["a", "b", "c"]), None).await.expect("three movies");
    store.write(&titled(&["d", "e"]), None).await.expect("two movies");
    let one = MovieId::new(2).expect("positive");
    store.write(&[merge(one, &json!({"votes": 7}), None)], None).await.expect("votes");
    let scopes = store.watch(Revision::ZERO).await.expect("scopes").scopes;
    let mut told: Vec<_> = scopes.iter().map(|(scope, at)| (scope.to_string(), at.get())).collect();
    told.sort();
    let expected = [
        ("*", 3),
        ("g", 2),
        ("g:a", 1),
        ("g:b", 1),
        ("g:c", 1),
        ("g:d", 2),
        ("g:e", 2),
        ("i:1", 1),
        ("i:2", 3),
        ("i:3", 1),
        ("i:4", 2),
        ("i:5", 2),
        ("v", 3),
        ("v:b", 3),
    ]
    .map(|(scope, at)| (scope.to_owned(), at));
    assert_eq!(told, expected);
}

async fn a_write_touches_what_lists_go_by_only_where_that_changes(store: TestStore) {
    let movie = json!({
        "title": "a", "genres": ["War"], "votes": 5, "rating": 7.5, "synopsis": "x", "cast": ["A"],
    });
    let movie = created(&store, &movie).await;
    let item = format!("i:{}", movie.id.get() % 65_536);
    let all = ["*", "g", "g:war", item.as_str()];
    let cases: [(_, &[&str]); 9] = [
        (json!({"votes": 6}), &["*", item.as_str(), "v", "v:war"]),
        (json!({"rating": null}), &["*", item.as_str(), "r", "r:war"]),
        (json!({"popularity": 1, "votes": 7}), &["*", item.as_str(), "p", "p:war", "v", "v:war"]),
        (json!({"synopsis": "y", "cast": [], "runtime_minutes": 90}), &["*", item.as_str()]),
        (json!({"released": "1999-01-02"}), &["*", item.as_str()]),
        (json!({"title": "b", "votes": 8}), &all),
        (json!({"year": 1999}), &all),
        (json!({"directors": ["D"]}), &all),
        (json!({"imdb_id": "tt0000009"}), &all),
    ];
    for (patch, expected) in cases {
        let before = store.revision().await.expect("a revision");
        one(&store, merge(movie.id, &patch, None)).await;
        assert_eq!(touched(&store, before).await, expected, "{patch}");
    }
}

/// The revisions that touched a single movie.
fn items(touched: &[(Scope, Revision)]) -> Vec<Revision> {
    let of_movie = touched.iter().filter(|(scope, _)| matches!(scope, Scope::Item(_)));
    let mut revisions: Vec<Revision> = of_movie.map(|(_, revision)| *revision).collect();
    revisions.sort();
    revisions
}

async fn concurrent_writers_make_revisions_without_gaps(store: TestStore) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut made = Vec::new();
            for n in 0..20 {
                let genres =
                    if n % 2 == 0 { json!(["A", "B", "C"]) } else { json!(["C", "B", "D"]) };
                let movie = json!({"title": format!("{writer}/{n}"), "genres": genres});
                let known = Some(Revision::ZERO);
                let written = store.write(&[create(&movie)], known).await.expect("a write");
                let revision = written.revision.expect("it wrote");
                let before: Vec<Revision> = (1..revision.get()).filter_map(Revision::new).collect();
                assert_eq!(items(&written.between.expect("it was asked")), before);
                made.push(revision);
            }
            made
        });
    }
    let mut made: Vec<Revision> = writers.join_all().await.into_iter().flatten().collect();
    made.sort();
    let all: Vec<Revision> = (1..=120).filter_map(Revision::new).collect();
    assert_eq!(made, all);
    let feed = store.changes(Revision::ZERO, 1_000).await.expect("changes").value;
    assert_eq!(feed.iter().map(|change| change.revision).collect::<Vec<_>>(), all);
    let genres = store.genres().await.expect("genres").value;
    let counts: Vec<i64> = genres.iter().map(|genre| genre.movies).collect();
    assert_eq!(counts, [60, 120, 120, 60]);
}

async fn one_of_two_rivals_for_an_imdb_id_wins(store: TestStore) {
    let mut rivals = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(&store);
        let movie = json!({"title": format!("rival {n}"), "imdb_id": "tt7654321"});
        rivals.spawn(async move { one(&store, create(&movie)).await });
    }
    let outcomes = rivals.join_all().await;
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Created(_))).count();
    let lost =
        outcomes.iter().filter(|outcome| matches!(outcome, Outcome::ImdbIdTaken { .. })).count();
    assert_eq!((won, lost), (1, 7), "{outcomes:?}");
}

fn key(key: &str, request: u8) -> OnceKey {
    OnceKey { key: key.into(), request: [request; 32] }
}

async fn a_create_under_a_key_is_done_once(store: TestStore) {
    let movie = data(&json!({"title": "once", "cast": ["A"], "synopsis": "s", "genres": ["G"]}));
    let first = store.create_once(movie.clone(), &key("k", 1), None).await.expect("a create");
    let Once::First(written) = first else { panic!("{first:?}") };
    let Some(Outcome::Created(made)) = written.outcomes.first() else { panic!("{written:?}") };
    one(&store, merge(made.id, &json!({"title": "changed since"}), None)).await;
    let again = store.create_once(movie.clone(), &key("k", 1), None).await.expect("a replay");
    assert_eq!(again, Once::Again(made.clone(), written.revision.expect("a revision")));
    let other = store.create_once(movie.clone(), &key("k", 2), None).await.expect("an answer");
    assert_eq!(other, Once::OtherRequest);
    assert!(matches!(store.create_once(movie, &key("l", 1), None).await, Ok(Once::First(_))));
    assert_eq!(store.revision().await.expect("a revision").get(), 3);
}

async fn a_key_is_forgotten_after_a_day(store: TestStore) {
    let movie = data(&json!({"title": "once"}));
    let later = |hours: i64| Moment::from_unix_ms(1_795_490_000_000 + hours * 3_600_000);
    store.clock.set(later(0));
    store.create_once(movie.clone(), &key("k", 1), None).await.expect("a create");
    store.clock.set(later(23));
    store.housekeeping().await.expect("housekeeping");
    assert!(matches!(
        store.create_once(movie.clone(), &key("k", 1), None).await,
        Ok(Once::Again(..))
    ));
    store.clock.set(later(25));
    assert!(matches!(
        store.create_once(movie.clone(), &key("k", 1), None).await,
        Ok(Once::First(_))
    ));
    assert!(matches!(store.create_once(movie, &key("k", 1), None).await, Ok(Once::Again(..))));
}

async fn rivals_under_one_key_make_one_movie(store: TestStore) {
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        rivals.spawn(async move {
            store
                .create_once(data(&json!({"title": "once"})), &key("k", 1), None)
                .await
                .expect("a create")
        });
    }
    let all = rivals.join_all().await;
    let first = all.iter().filter(|once| matches!(once, Once::First(_))).count();
    let again = all.iter().filter(|once| matches!(once, Once::Again(..))).count();
    assert_eq!((first, again), (1, 7), "{all:?}");
    assert_eq!(store.list(&query("")).await.expect("a list").value.movies.len(), 1);
}

async fn the_largest_batch_is_written(store: TestStore) {
    // More scopes than one statement takes values, and more text than a server takes in one.
    let create = |n: usize| {
        let genres: Vec<String> = (0..18).map(|genre| format!("{n}-{genre}")).collect();
        create(&json!({"title": n.to_string(), "genres": genres, "synopsis": "é".repeat(10_000)}))
    };
    let mutations: Vec<Mutation> = (0..MUTATIONS_MAX).map(create).collect();
    let written = store.write(&mutations, None).await.unwrap();
    assert!(written.outcomes.iter().all(|outcome| kind(outcome) == "created"));
    assert_eq!(store.genres().await.unwrap().value.len(), 18 * MUTATIONS_MAX);
}

fn import(value: &Value, recognise: Recognise) -> Mutation {
    Mutation::Import { data: Box::new(data(value)), recognise, created_at: None }
}

async fn an_import_recognises_its_movies(store: TestStore) {
    let by_content = Recognise::ByContent;
    let rows = [
        json!({"title": "A", "imdb_id": "tt0000001", "year": 1990}),
        json!({"title": "B", "year": 1991, "directors": ["X", "Y"]}),
        json!({"title": "b ", "year": 1991, "directors": ["y", "X"], "rating": 5.0}),
        json!({"title": "A", "imdb_id": "tt0000002", "year": 1990}),
    ];
    let mutations: Vec<_> = rows.iter().map(|row| import(row, by_content)).collect();
    let outcomes = store.write(&mutations, None).await.expect("an import").outcomes;
    let kinds: Vec<_> = outcomes.iter().map(kind).collect();
    assert_eq!(kinds, ["created", "created", "updated", "created"]);
    let again = store.write(&mutations[2..], None).await.expect("an import");
    assert_eq!(again.outcomes.iter().map(kind).collect::<Vec<_>>(), ["unchanged", "unchanged"]);
    assert_eq!(again.revision, None);
    // The same film learns its IMDb id, and keeps it apart from another one of the same name.
    let learned = import(
        &json!({"title": "B", "year": 1991, "directors": ["X", "Y"], "imdb_id": "tt0000003"}),
        by_content,
    );
    assert_eq!(kind(&one(&store, learned).await), "updated");
    let other = import(
        &json!({"title": "B", "year": 1991, "directors": ["X", "Y"], "imdb_id": "tt0000004"}),
        by_content,
    );
    assert_eq!(kind(&one(&store, other).await), "created");
}

const fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Created(_) => "created",
        Outcome::Updated(_) => "updated",
        Outcome::Unchanged(_) => "unchanged",
        _ => "other",
    }
}

async fn an_import_by_id_keeps_the_id(store: TestStore) {
    let id = |raw| MovieId::new(raw).expect("positive");
    let by_id = |raw| Recognise::ById(id(raw));
    let film = json!({"title": "Twice", "year": 1999});
    let mutations =
        [import(&film, by_id(700)), import(&film, by_id(4_000_000)), import(&film, by_id(3))];
    let outcomes = store.write(&mutations, None).await.expect("an import").outcomes;
    assert_eq!(outcomes.iter().map(kind).collect::<Vec<_>>(), ["created"; 3]);
    assert_eq!(
        store.movie(id(700)).await.expect("a read").value.map(|movie| movie.id),
        Some(id(700))
    );
    let again = import(&json!({"title": "Twice", "year": 2000}), by_id(700));
    assert_eq!(kind(&one(&store, again).await), "updated");
    let next = created(&store, &json!({"title": "next"})).await;
    assert!(next.id > id(4_000_000));
}

async fn a_bump_touches_the_scope_that_everything_depends_on(store: TestStore) {
    created(&store, &json!({"title": "a", "genres": ["Drama"]})).await;
    let bumped = store.bump().await.expect("a bump");
    assert_eq!(bumped.get(), 2);
    assert_eq!(touched(&store, Revision::new(1).expect("one")).await, ["!", "*"]);
    let feed = store.changes(Revision::new(1).expect("one"), 10).await.expect("changes").value;
    assert_eq!(
        feed.iter().map(|change| (change.id, change.kind.as_str())).collect::<Vec<_>>(),
        [(None, "bumped")]
    );
}
