//! Activity as the store keeps it.

use std::time::Duration;

use marquee::{
    domain::{
        activity::{Day, Hour, Interaction, Signal, Sketch, TrendingAsk, UserId},
        movie::{MovieData, MovieId},
    },
    store::{
        ActivityBatch, CollectionViews, EventKey, MovieViews, OpenedFromSearch, Recorded,
        SearchKey, Searches, Store, Stored, WriterId, mutation::Mutation,
    },
};

use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    a_batch_is_stored_once,
    batches_of_two_writers_add_up,
    hours_become_days_and_old_days_go,
    interactions_are_read_in_pages_by_user_and_time,
    the_movies_of_a_user_are_read_once_each,
    what_was_noted_before_an_erasure_is_not_stored_after_it,
    what_was_opened_is_read_in_pages,
    a_salt_is_one_for_all,
}

fn movie(id: i64) -> MovieId {
    MovieId::new(id).unwrap()
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn clients(numbers: impl IntoIterator<Item = u64>) -> Sketch {
    let mut sketch = Sketch::default();
    for n in numbers {
        let spread = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sketch.add((spread ^ (spread >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    }
    sketch
}

fn batch(writer: WriterId, number: i64) -> ActivityBatch {
    let (views, collections, searches, opened, interactions) = Default::default();
    ActivityBatch { writer, number, views, collections, searches, opened, interactions }
}

fn seen(hour: Hour, id: i64, views: u32, by: impl IntoIterator<Item = u64>) -> MovieViews {
    MovieViews { hour, movie: movie(id), views, clients: clients(by) }
}

async fn movies(store: &Store, count: usize) {
    for n in 0..count {
        let data = MovieData { title: format!("movie {n}"), ..MovieData::default() };
        store.write(&[Mutation::Create { data: Box::new(data) }], None).await.expect("a movie");
    }
}

fn recorded(name: &str, id: i64, store: &TestStore, n: i64) -> Recorded {
    let at = marquee::domain::clock::Moment::from_unix_ms(store.clock.now().unix_ms() + n);
    let interaction = Interaction { user: user(name), movie: movie(id), signal: Signal::Like, at };
    let event = EventKey::of(&[name.as_bytes(), &id.to_le_bytes(), &n.to_le_bytes()]);
    Recorded { interaction, event, erasures: 0, interest: None }
}

async fn a_batch_is_stored_once(store: TestStore) {
    let (hour, day) = (Hour::of(store.clock.now()), Day::of(store.clock.now()));
    let writer = WriterId::random().unwrap();
    let key = SearchKey::of("q=a");
    let mut one = batch(writer, 1);
    one.views = (1..=1_200).map(|id| seen(hour, id, 2, [1, 2])).collect();
    one.collections =
        vec![CollectionViews { day, slug: "a".into(), views: 3, clients: clients([1]) }];
    one.searches = vec![Searches {
        day,
        key,
        query: "q=a".into(),
        searches: 4,
        hits: 9,
        opened: 1,
        positions: 2,
        clients: clients([1, 2]),
    }];
    one.opened =
        vec![OpenedFromSearch { day, key, movie: movie(1), opened: 1, clients: clients([1]) }];
    one.interactions = vec![recorded("u", 1, &store, 0)];
    assert_eq!(store.store_activity(&one).await.unwrap(), Stored::Now { erased: 0 });
    for _ in 0..2 {
        assert_eq!(store.store_activity(&one).await.unwrap(), Stored::Before);
    }
    let sums = async |sql| store.database.integers(sql).await[0].clone();
    assert_eq!(
        sums("SELECT COUNT(*), MIN(views), MAX(views) FROM movie_views").await,
        [1_200, 2, 2]
    );
    assert_eq!(sums("SELECT views FROM collection_days").await, [3]);
    assert_eq!(sums("SELECT searches, hits, opened FROM searches").await, [4, 9, 1]);
    assert_eq!(sums("SELECT COUNT(*) FROM interactions").await, [1]);
    let next = ActivityBatch { number: 2, ..one.clone() };
    assert_eq!(store.store_activity(&next).await.unwrap(), Stored::Now { erased: 0 });
    assert_eq!(
        sums("SELECT COUNT(*), MIN(views), MAX(views) FROM movie_views").await,
        [1_200, 4, 4]
    );
    assert_eq!(sums("SELECT COUNT(*) FROM interactions").await, [1], "the same event counts once");
}

async fn batches_of_two_writers_add_up(store: TestStore) {
    let hour = Hour::of(store.clock.now());
    for (n, by) in [(0_u64, 0..20_u64), (1, 10..30), (2, 0..30)] {
        let mut one = batch(WriterId::random().unwrap(), 1);
        one.views = vec![seen(hour, 1, 1, by)];
        store.store_activity(&one).await.unwrap();
        let rows = store.database.integers("SELECT views, clients FROM movie_views").await;
        let expected: u32 = if n == 0 { 20 } else { 30 };
        assert_eq!(rows[0][0], i64::try_from(n).unwrap() + 1);
        let off = rows[0][1] - i64::from(expected);
        assert!(off.abs() <= 6, "{rows:?}");
    }
}

async fn hours_become_days_and_old_days_go(store: TestStore) {
    let now = Hour::of(store.clock.now());
    let writer = WriterId::random().unwrap();
    let mut all = batch(writer, 1);
    // Three hours of each of 30 days, some thousand rows.
    for days in 0..30 {
        for hour in 0..3 {
            let hour = now.before(days * 24 + hour);
            all.views.extend((1..=20).map(|id| seen(hour, id, 1, [u64::try_from(days).unwrap()])));
        }
    }
    all.views.sort_by_key(|row| (row.hour, row.movie));
    all.interactions =
        vec![recorded("u", 1, &store, -20 * 86_400_000), recorded("u", 1, &store, 0)];
    store.store_activity(&all).await.unwrap();
    while store.forget_activity(90).await.unwrap() {}
    let sums = async |sql| store.database.integers(sql).await[0].clone();
    let day = Day::of(store.clock.now()).get();
    let of_hours = sums("SELECT MIN(hour), COUNT(*) FROM movie_views").await;
    assert!(of_hours[0] >= (day - 9) * 24, "{of_hours:?}");
    let of_days = sums("SELECT COUNT(*), MAX(views) FROM movie_days").await;
    assert_eq!(of_hours[1] + of_days[0] * of_days[1], 30 * 3 * 20, "no look is lost: {of_days:?}");
    while store.forget_activity(15).await.unwrap() {}
    let left = sums("SELECT MIN(day) FROM movie_days").await;
    assert!(left[0] >= day - 15, "{left:?}");
    assert_eq!(sums("SELECT COUNT(*) FROM interactions").await, [1]);
    while store.forget_activity(1).await.unwrap() {}
    assert_eq!(sums("SELECT COUNT(*) FROM movie_days WHERE day < 0").await, [0]);
    store.clock.advance(Duration::from_hours(24 * 20));
    while store.forget_activity(1).await.unwrap() {}
    for table in [
        "SELECT COUNT(*) FROM movie_days",
        "SELECT COUNT(*) FROM movie_views",
        "SELECT COUNT(*) FROM interactions",
        "SELECT COUNT(*) FROM activity_writers",
    ] {
        assert_eq!(sums(table).await, [0], "{table}");
    }
}

async fn the_movies_of_a_user_are_read_once_each(store: TestStore) {
    let mut all = batch(WriterId::random().unwrap(), 1);
    for n in 0..9 {
        all.interactions.push(recorded("a", 7 - n % 3, &store, n));
        all.interactions.push(recorded("b", 9, &store, n));
    }
    store.store_activity(&all).await.unwrap();
    let of = async |name, limit| store.movies_of(&user(name), limit).await.unwrap();
    assert_eq!(of("a", 10).await, [5, 6, 7].map(movie), "also of movies that are gone");
    assert_eq!(of("a", 2).await, [5, 6].map(movie));
    assert_eq!(of("b", 10).await, [movie(9)]);
    assert!(of("c", 10).await.is_empty());
}

async fn interactions_are_read_in_pages_by_user_and_time(store: TestStore) {
    movies(&store, 3).await;
    let mut all = batch(WriterId::random().unwrap(), 1);
    for name in ["b", "a", "c"] {
        for n in (0..7).rev() {
            all.interactions.push(recorded(name, n % 4 + 1, &store, n)); // movie 4 is none
        }
    }
    store.store_activity(&all).await.unwrap();
    for limit in [1, 2, 5, 100] {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = store.interactions_after(after, limit).await.unwrap();
            assert!(page.rows.len() <= limit as usize);
            read.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let order: Vec<_> = read.iter().map(|row| (row.user.clone(), row.at)).collect();
        assert!(order.is_sorted(), "{limit}: {order:?}");
        assert_eq!(read.len(), 3 * 6, "{limit}");
    }
    let history = store.history(&user("a"), 2).await.unwrap();
    assert!(history[0].at > history[1].at && history.len() == 2, "{history:?}");
}

async fn what_was_noted_before_an_erasure_is_not_stored_after_it(store: TestStore) {
    movies(&store, 1).await;
    let writer = WriterId::random().unwrap();
    let mut one = batch(writer, 1);
    one.interactions = (0..1_234).map(|n| recorded("u", 1, &store, n)).collect();
    one.interactions.push(recorded("v", 1, &store, 0));
    store.store_activity(&one).await.unwrap();
    assert_eq!(store.erase_user(&user("u")).await.unwrap(), 1);
    let count = async || store.interactions_after(None, 5_000).await.unwrap().rows.len();
    assert_eq!(count().await, 1);
    let mut late = batch(writer, 2);
    late.interactions = (2_000..2_010).map(|n| recorded("u", 1, &store, n)).collect();
    assert_eq!(store.store_activity(&late).await.unwrap(), Stored::Now { erased: 10 });
    let mut new = batch(writer, 3);
    let known = Recorded { erasures: 1, ..recorded("u", 1, &store, 5_000) };
    let old = Recorded { erasures: 1, ..recorded("u", 1, &store, -1) };
    new.interactions = vec![known, old];
    assert_eq!(store.store_activity(&new).await.unwrap(), Stored::Now { erased: 1 });
    assert_eq!(count().await, 2);
    assert_eq!(store.erase_user(&user("w")).await.unwrap(), 2, "erasures are numbered");
    assert_eq!(store.watch(marquee::domain::revision::Revision::ZERO).await.unwrap().erasures, 2);
}

async fn what_was_opened_is_read_in_pages(store: TestStore) {
    movies(&store, 5).await;
    let day = Day::of(store.clock.now());
    let mut all = batch(WriterId::random().unwrap(), 1);
    for query in ["q=a", "q=b"] {
        let key = SearchKey::of(query);
        all.searches.push(Searches {
            day,
            key,
            query: query.into(),
            searches: 1,
            hits: 9,
            opened: 0,
            positions: 0,
            clients: clients([1]),
        });
        for id in 1..=6 {
            let row = OpenedFromSearch {
                day,
                key,
                movie: movie(id),
                opened: 2,
                clients: clients([1, 2, 3]),
            };
            all.opened.push(row); // movie 6 is none
        }
    }
    store.store_activity(&all).await.unwrap();
    for limit in [1, 3, 100] {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = store.searches_opened_after(after, limit).await.unwrap();
            read.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read.len(), 10, "{limit}");
        assert!(read.iter().all(|row| (2.5..3.5).contains(&row.clients)), "{read:?}");
    }
    let ask = TrendingAsk::default();
    assert!(store.trending(&ask, store.clock.now()).await.unwrap().is_empty());
}

async fn a_salt_is_one_for_all(store: TestStore) {
    let today = Day::of(store.clock.now());
    let (one, other) = (store.salt_of(today).await.unwrap(), store.salt_of(today).await.unwrap());
    assert!(one == other);
    let tomorrow = store.salt_of(today.before(-1)).await.unwrap();
    assert!(one != tomorrow);
    let days = store.database.integers("SELECT day FROM activity_salts").await;
    assert_eq!(days, [[today.get() + 1]]);
    assert_eq!(format!("{one:?}"), "Salt(…)");
}
