//! What is learnt from: what users did, what was opened from the same searches, and what is written about
//! movies.

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{
        activity::{Interaction, UserId},
        field::FieldSet,
        list::{Filter, ListQuery, Sort, Start},
        movie::{Movie, MovieId},
    },
    learn::{content::Content, gather::Gatherer, interactions::Interactions},
    store::{Contributors, Store, error::StoreError},
};

/// Rows that are read at once.
const PAGE: u32 = 2_000;
/// A user with fewer movies, and a movie with fewer users, are left out.
const MINIMUM: usize = 2;
/// Interactions of one user that are held at once, the latest ones.
const OF_USER: usize = 20_000;
/// Distinct clients who must have opened a movie from a search for that to count: fewer could be known by it,
/// and somebody who was erased must leave no trace.
const CLIENTS_MIN: f64 = 5.0;
/// Searches of which is held what was opened from them.
const SEARCHES_MAX: usize = 50_000;
/// Movies whose descriptions are compared: those that people had to do with, and the most popular ones.
const DESCRIBED_MAX: usize = 30_000;
/// The most popular ones among them.
const POPULAR: usize = 20_000;
/// Movies of a page of the most popular ones.
const LISTED: u16 = 500;

/// What is learnt from.
#[derive(Debug)]
pub struct Material {
    /// What users did.
    pub interactions: Interactions,
    /// Movies whose descriptions are compared.
    pub movies: Vec<Movie>,
    /// Users who were left out for want of memory.
    pub left_out: u64,
    /// Whose interactions they are.
    pub of: Contributors,
}

impl Material {
    /// Reads it, within so much memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(store: &Store, memory_bytes: usize) -> Result<Self, StoreError> {
        let mut gatherer = Gatherer::new(memory_bytes);
        let mut of = Contributors::since(store.erasures().await?);
        read_users(store, &mut gatherer, &mut of).await?;
        read_searches(store, &mut gatherer).await?;
        let left_out = gatherer.left_out();
        let finished = tokio::task::spawn_blocking(move || gatherer.finish(MINIMUM)).await;
        let interactions = finished.unwrap_or_default(); // it does not panic
        let movies = read_described(store, &interactions).await?;
        Ok(Self { interactions, movies, left_out, of })
    }

    /// What is written about its movies. Takes a while.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::new(self.movies.iter().map(|movie| (movie.id.to_string(), &movie.data)))
    }
}

/// What is learnt from where interactions come from elsewhere.
///
/// # Errors
/// [`StoreError`].
pub async fn from_interactions(
    store: &Store,
    interactions: Interactions,
) -> Result<Material, StoreError> {
    let movies = read_described(store, &interactions).await?;
    Ok(Material { interactions, movies, left_out: 0, of: Contributors::default() })
}

async fn read_users(
    store: &Store,
    gatherer: &mut Gatherer,
    of: &mut Contributors,
) -> Result<(), StoreError> {
    let mut after = None;
    let mut of_one: Vec<Interaction> = Vec::new();
    loop {
        let page = store.interactions_after(after, PAGE).await?;
        for row in page.rows {
            if of_one.first().is_some_and(|first| first.user != row.user) {
                take(gatherer, of, &mut of_one);
            }
            if of_one.len() == OF_USER {
                of_one.drain(..OF_USER / 2);
            }
            of_one.push(row);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    take(gatherer, of, &mut of_one);
    Ok(())
}

fn take(gatherer: &mut Gatherer, of: &mut Contributors, of_one: &mut Vec<Interaction>) {
    let user: Option<UserId> = of_one.first().map(|first| first.user.clone());
    if let Some(user) = user {
        of.add(&user);
        gatherer.user(&user, &*of_one);
    }
    of_one.clear();
}

async fn read_searches(store: &Store, gatherer: &mut Gatherer) -> Result<(), StoreError> {
    let mut opened: HashMap<String, HashMap<MovieId, f64>> = HashMap::new();
    let mut after = None;
    loop {
        let page = store.searches_opened_after(after, PAGE).await?;
        for row in page.rows {
            if opened.len() < SEARCHES_MAX || opened.contains_key(&row.query) {
                // Clients of two days cannot be told apart: the day with the most counts.
                let clients = opened.entry(row.query).or_default().entry(row.movie).or_default();
                *clients = clients.max(row.clients);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let mut searches: Vec<(String, HashMap<MovieId, f64>)> = opened.into_iter().collect();
    searches.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (_, movies) in searches {
        let many = movies.into_iter().filter(|(_, clients)| *clients >= CLIENTS_MIN);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a sketch ends at some thousands"
        )]
        let mut group: Vec<(MovieId, u32)> =
            many.map(|(movie, clients)| (movie, clients as u32)).collect();
        group.sort_unstable();
        gatherer.group(group);
    }
    Ok(())
}

/// The movies that people had to do with, and the most popular ones.
async fn read_described(store: &Store, data: &Interactions) -> Result<Vec<Movie>, StoreError> {
    let popularity = data.popularity();
    let mut known: Vec<(std::cmp::Reverse<u32>, MovieId)> = data
        .items
        .iter()
        .zip(popularity)
        .filter_map(|(key, users)| Some((std::cmp::Reverse(users), key.parse().ok()?)))
        .collect();
    known.sort_unstable();
    let mut ids: Vec<MovieId> = known.into_iter().map(|(_, id)| id).take(DESCRIBED_MAX).collect();
    let mut there: HashSet<MovieId> = ids.iter().copied().collect();
    let mut query = ListQuery {
        filter: Filter::default(),
        sort: Sort::DEFAULT,
        limit: LISTED,
        start: Start::First,
        fields: FieldSet::of_lists(),
    };
    let mut listed = 0;
    while ids.len() < DESCRIBED_MAX && listed < POPULAR {
        let page = store.list(&query).await?.value;
        listed += page.movies.len();
        let new = page.movies.iter().map(|movie| movie.id).filter(|id| there.insert(*id));
        ids.extend(new);
        match page.next {
            Some(position) => query.start = Start::At(position),
            None => break,
        }
    }
    ids.truncate(DESCRIBED_MAX);
    ids.sort_unstable();
    let mut movies = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(usize::from(LISTED)) {
        movies.extend(store.whole_movies(chunk).await?);
    }
    movies.sort_unstable_by_key(|movie| movie.id);
    Ok(movies)
}
