//! Write transactions: mutations are played on the rows that they concern, in memory, and what comes
//! of it is written in as few statements as there are tables.
//!
//! The order of a transaction: names, movies and links; then the row `*` of `catalog_revisions`, which
//! is the last lock that another writer can hold; then what only its holder writes: scopes, changes,
//! counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    change::ChangeKind,
    clock::Moment,
    movie::{MovieData, MovieId},
    revision::{Measure, Revision, Scope},
    text::name_key,
};

use super::{
    db::Session,
    dialect::Dialect,
    error::StoreError,
    facet::{self, Count, Facet, Link, Names},
    movies::revision,
    mutation::{Mutation, Written},
    play::{Play, Slot},
    row::{self, ListColumns},
    sql::Sql,
    statement::{VALUES_MAX, runs},
};

/// Plays mutations and writes what comes of them, up to but not including the commit.
///
/// Nothing is written when one of them is not done; the outcomes then say which.
pub(crate) async fn write(
    session: &mut Session,
    dialect: Dialect,
    mutations: &[Mutation],
    known: Option<Revision>,
    now: Moment,
) -> Result<Written, StoreError> {
    let mut play = Play::load(session, dialect, mutations, now).await?;
    play.run(mutations);
    if !play.is_done() {
        return Ok(Written::nothing(play.undone()));
    }
    let mut effect = Effect::default();
    let names = store_names(session, dialect, &mut play).await?;
    store_movies(session, &mut play, now).await?;
    store_links(session, &play, &names, &mut effect).await?;
    if effect.changes.is_empty() {
        return Ok(Written::nothing(play.outcomes()));
    }
    let revision = raise_revision(session, dialect).await?;
    let between = match known {
        Some(known) => Some(touched_between(session, known, revision).await?),
        None => None,
    };
    effect.store(session, dialect, revision).await?;
    let scopes = effect.scopes.into_iter().collect();
    Ok(Written { revision: Some(revision), scopes, between, outcomes: play.outcomes() })
}

/// What was touched between two revisions, by who holds the second: all others have committed, and
/// what they committed is seen (READ COMMITTED).
pub(crate) async fn touched_between(
    session: &mut Session,
    known: Revision,
    own: Revision,
) -> Result<Vec<(Scope, Revision)>, StoreError> {
    if own.get() <= known.get() + 1 {
        return Ok(Vec::new());
    }
    let mut touched = touched_since(session, known).await?;
    touched.retain(|(scope, _)| *scope != Scope::All);
    Ok(touched)
}

/// The scopes that were touched since a revision, each with its last one, `*` among them.
pub(crate) async fn touched_since(
    session: &mut Session,
    known: Revision,
) -> Result<Vec<(Scope, Revision)>, StoreError> {
    let mut sql = Sql::new("SELECT revision, scope FROM catalog_revisions WHERE revision > ");
    sql.bind(known.get());
    // What this version does not know, nothing that it answers depends on.
    let made = session.each_row(sql, |row| {
        let scope = row.text(1)?.parse().ok();
        scope.map(|scope| Ok((scope, revision(row)?))).transpose()
    });
    Ok(made.await?.into_iter().flatten().collect())
}

/// Resolves every name of the changed movies, and gives genres their stored spelling.
async fn store_names(
    session: &mut Session,
    dialect: Dialect,
    play: &mut Play,
) -> Result<BTreeMap<Facet, Names>, StoreError> {
    let mut all = BTreeMap::new();
    for facet in Facet::ALL {
        let mut wanted = BTreeMap::new();
        for slot in play.slots.iter().filter(|slot| slot.is_changed()) {
            for data in slot.before.iter().map(|movie| &movie.data).chain(&slot.now) {
                for (key, spelling) in facet::keys(facet.of(data)) {
                    wanted.entry(key).or_insert(spelling);
                }
            }
        }
        all.insert(facet, facet::resolve(session, dialect, facet, &wanted).await?);
    }
    if let Some(genres) = all.get(&Facet::Genre) {
        play.spell_genres(genres);
    }
    Ok(all)
}

/// Stores the names of movies that are to be written, where they are new.
pub(crate) async fn store_names_of(
    session: &mut Session,
    dialect: Dialect,
    mutations: &[Mutation],
) -> Result<(), StoreError> {
    for facet in Facet::ALL {
        let mut wanted = BTreeMap::new();
        for mutation in mutations {
            let Mutation::Import { data, .. } = mutation else { continue };
            for (key, spelling) in facet::keys(facet.of(data)) {
                wanted.entry(key).or_insert(spelling);
            }
        }
        facet::store(session, dialect, facet, &wanted).await?;
    }
    Ok(())
}

async fn store_movies(
    session: &mut Session,
    play: &mut Play,
    now: Moment,
) -> Result<(), StoreError> {
    let gone: Vec<i64> =
        play.slots.iter().filter(|slot| slot.is_deleted()).filter_map(Slot::raw_id).collect();
    let moved: Vec<i64> =
        play.slots.iter().filter(|slot| slot.is_updated()).filter_map(Slot::raw_id).collect();
    for facet in Facet::ALL {
        facet::unlink(session, facet, &gone).await?;
        facet::unlink(session, facet, &moved).await?;
    }
    for chunk in gone.chunks(VALUES_MAX) {
        let mut sql = Sql::new("DELETE FROM movies WHERE id IN ");
        sql.bind_list(chunk.iter().copied());
        session.run(sql).await?;
    }
    // Movies that change places in `imdb_id` first leave it.
    let leaving: Vec<i64> =
        play.slots.iter().filter(|slot| slot.leaves_imdb_id()).filter_map(Slot::raw_id).collect();
    if !leaving.is_empty() {
        let mut sql = Sql::new("UPDATE movies SET imdb_id = NULL WHERE id IN ");
        sql.bind_list(leaving);
        session.run(sql).await?;
    }
    for slot in play.slots.iter().filter(|slot| slot.is_updated()) {
        let (Some(written), Some(id)) = (slot.written(now), slot.raw_id()) else { continue };
        let mut sql = Sql::new("UPDATE movies SET ");
        row::bind(&mut sql, &written, |sql, n| {
            sql.push(if n > 0 { ", " } else { "" }).push(row::WRITTEN[n]).push(" = ");
        });
        sql.push(" WHERE id = ").bind(id);
        session.run(sql).await?;
    }
    insert_movies(session, play, now).await
}

async fn insert_movies(
    session: &mut Session,
    play: &mut Play,
    now: Moment,
) -> Result<(), StoreError> {
    let fresh: Vec<usize> = play.created().collect();
    let (given, counted): (Vec<usize>, Vec<usize>) =
        fresh.into_iter().partition(|n| play.slots[*n].id.is_some());
    for chunk in inserts(play, &given) {
        insert(session, play, chunk, now, GivenIds::Yes).await?;
    }
    for chunk in inserts(play, &counted) {
        let last_id = insert(session, play, chunk, now, GivenIds::No).await?;
        let first = session.first_id(last_id, chunk.len()).await?;
        for (raw, n) in first.zip(chunk) {
            play.slots[*n].id = MovieId::new(raw);
        }
    }
    Ok(())
}

/// New movies, cut into statements.
fn inserts<'s>(play: &Play, slots: &'s [usize]) -> Vec<&'s [usize]> {
    let bytes = |n: &usize| play.slots[*n].now.as_ref().map_or(0, row::bytes);
    runs(slots, row::WRITTEN.len() + 1, bytes).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GivenIds {
    Yes,
    No,
}

async fn insert(
    session: &mut Session,
    play: &Play,
    slots: &[usize],
    now: Moment,
    ids: GivenIds,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new("INSERT INTO movies (");
    sql.push(if ids == GivenIds::Yes { "id, " } else { "" })
        .push(&row::WRITTEN.join(", "))
        .push(") VALUES ");
    for (n, slot) in slots.iter().map(|n| &play.slots[*n]).enumerate() {
        let Some(written) = slot.written(now) else { continue };
        sql.push(if n > 0 { ", (" } else { "(" });
        if ids == GivenIds::Yes {
            sql.bind(slot.raw_id()).push(", ");
        }
        row::bind(&mut sql, &written, |sql, n| {
            sql.push(if n > 0 { ", " } else { "" });
        });
        sql.push(")");
    }
    Ok(session.run(sql).await?.last_id)
}

async fn store_links(
    session: &mut Session,
    play: &Play,
    names: &BTreeMap<Facet, Names>,
    effect: &mut Effect,
) -> Result<(), StoreError> {
    for slot in play.slots.iter().filter(|slot| slot.is_changed()) {
        let Some(id) = slot.id else { continue };
        effect.note(slot, id, names);
    }
    for (facet, names) in names {
        let mut links = Vec::new();
        for slot in play.slots.iter().filter(|slot| slot.is_changed()) {
            let (Some(data), Some(movie)) = (&slot.now, slot.raw_id()) else { continue };
            for key in facet::keys(facet.of(data)).keys() {
                let Some(name) = names.get(key) else { continue };
                let columns = ListColumns::of(data, slot.created_at(play.now));
                links.push(Link { movie, name: name.id, columns });
            }
        }
        facet::link(session, *facet, &links).await?;
    }
    Ok(())
}

/// What a transaction does beside its rows.
#[derive(Debug, Default)]
struct Effect {
    changes: BTreeMap<MovieId, ChangeKind>,
    scopes: BTreeSet<Scope>,
    counts: BTreeMap<(Count, i64), i64>,
}

impl Effect {
    fn note(&mut self, slot: &Slot, id: MovieId, names: &BTreeMap<Facet, Names>) {
        self.changes.insert(id, slot.kind());
        self.scopes.insert(Scope::of_movie(id));
        self.touch(slot);
        if let Some(before) = &slot.before {
            self.count(&before.data, names, -1);
        }
        if let Some(now) = &slot.now {
            self.count(now, names, 1);
        }
    }

    fn count(&mut self, data: &MovieData, names: &BTreeMap<Facet, Names>, by: i64) {
        let mut add = |count, value| *self.counts.entry((count, value)).or_default() += by;
        add(Count::All, 0);
        if let Some(year) = data.year {
            add(Count::Year, i64::from(year));
        }
        if let Some(rating) = data.rating {
            add(Count::Tenths, i64::from(row::tenths(rating)));
        }
        for (facet, names) in names {
            let Some(count) = facet.count() else { continue };
            for key in facet::keys(facet.of(data)).keys() {
                if let Some(name) = names.get(key) {
                    add(count, name.id);
                }
            }
        }
    }

    /// Notes which lists may have other movies now, or another order.
    fn touch(&mut self, slot: &Slot) {
        let (before, now) = (slot.before.as_ref().map(|movie| &movie.data), slot.now.as_ref());
        let both = [before, now].into_iter().flatten();
        let genres: BTreeSet<String> =
            both.flat_map(|data| &data.genres).map(|genre| name_key(genre)).collect();
        let measures: Vec<Measure> = match (before, now) {
            (Some(before), Some(now)) if are_alike_for_lists(before, now) => {
                let changed = |measure: &Measure| value(*measure, before) != value(*measure, now);
                Measure::ALL.into_iter().filter(changed).collect()
            }
            _ => {
                self.scopes.insert(Scope::Movies);
                self.scopes.extend(genres.into_iter().map(Scope::Genre));
                return;
            }
        };
        for measure in measures {
            self.scopes.insert(Scope::Measure(measure));
            self.scopes.extend(genres.iter().map(|genre| Scope::MeasureOf(measure, genre.clone())));
        }
    }

    async fn store(
        &self,
        session: &mut Session,
        dialect: Dialect,
        at: Revision,
    ) -> Result<(), StoreError> {
        let scopes: Vec<String> = self.scopes.iter().map(ToString::to_string).collect();
        for chunk in runs(&scopes, 2, String::len) {
            let mut sql = Sql::new("INSERT INTO catalog_revisions (scope, revision) VALUES ");
            for (n, scope) in chunk.iter().enumerate() {
                sql.push(if n > 0 { ", (" } else { "(" });
                sql.bind(scope.as_str()).push(", ").bind(at.get()).push(")");
            }
            sql.push(&dialect.or_set("scope", "revision"));
            session.run(sql).await?;
        }

        let mut sql = Sql::new("INSERT INTO changes (revision, movie_id, kind) VALUES ");
        for (n, (id, kind)) in self.changes.iter().enumerate() {
            sql.push(if n > 0 { ", (" } else { "(" });
            sql.bind(at.get()).push(", ").bind(id.get()).push(", ").bind(kind.as_str()).push(")");
        }
        session.run(sql).await?;

        let counts = self.counts.iter().filter(|(_, by)| **by != 0);
        let counts: Vec<CountChange> =
            counts.map(|((count, value), by)| (i64::from(count.code()), *value, *by)).collect();
        change_counts(session, dialect, &counts).await
    }
}

fn value(measure: Measure, of: &MovieData) -> Option<f64> {
    match measure {
        Measure::Popularity => of.popularity,
        Measure::Rating => of.rating,
        #[expect(clippy::cast_precision_loss, reason = "VOTES_MAX is exact")]
        Measure::Votes => of.votes.map(|votes| votes as f64),
    }
}

/// Whether lists tell two states of a movie apart by measures alone: what is left out here is only shown.
/// Whatever else a movie may have one day counts.
fn are_alike_for_lists(before: &MovieData, now: &MovieData) -> bool {
    let of_before = MovieData {
        popularity: before.popularity,
        rating: before.rating,
        votes: before.votes,
        released: before.released,
        runtime_minutes: before.runtime_minutes,
        cast: before.cast.clone(),
        synopsis: before.synopsis.clone(),
        ..now.clone()
    };
    of_before == *before
}

/// A row of `facet_counts`, by `facet` and `value`, and what is added to its movies.
pub(crate) type CountChange = (i64, i64, i64);

/// Changes counts, as only the holder of `*` may.
pub(crate) async fn change_counts(
    session: &mut Session,
    dialect: Dialect,
    changes: &[CountChange],
) -> Result<(), StoreError> {
    for chunk in changes.chunks(VALUES_MAX / 3) {
        let mut sql = Sql::new("INSERT INTO facet_counts (facet, value, movies) VALUES ");
        for (n, (facet, value, by)) in chunk.iter().enumerate() {
            sql.push(if n > 0 { ", (" } else { "(" });
            sql.bind(*facet).push(", ").bind(*value).push(", ").bind(*by).push(")");
        }
        sql.push(&dialect.or_add("facet, value", "movies"));
        session.run(sql).await?;
    }
    Ok(())
}

/// Raises `*` by one; its row stays locked until the transaction ends.
pub(crate) async fn raise_revision(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Revision, StoreError> {
    let raw = match dialect {
        Dialect::MySql => {
            let text = "UPDATE catalog_revisions SET revision = LAST_INSERT_ID(revision + 1) WHERE scope = '*'";
            session.run(Sql::new(text)).await?.last_id
        }
        Dialect::Sqlite => {
            let text = "UPDATE catalog_revisions SET revision = revision + 1 WHERE scope = '*' RETURNING revision";
            session.row(Sql::new(text)).await?.integer(0)?
        }
    };
    Revision::new(raw).filter(|revision| *revision > Revision::ZERO).ok_or(StoreError::BadRow {
        table: "catalog_revisions",
        column: "revision",
        key: "*".into(),
        detail: format!("{raw} is not positive"),
    })
}

/// Makes a revision that changes everything: the scope that all others depend on gets it.
pub(crate) async fn bump(session: &mut Session, dialect: Dialect) -> Result<Revision, StoreError> {
    let revision = raise_revision(session, dialect).await?;
    let mut sql = Sql::new("INSERT INTO catalog_revisions (scope, revision) VALUES (");
    sql.bind(Scope::Bump.to_string()).push(", ").bind(revision.get()).push(")");
    sql.push(&dialect.or_set("scope", "revision"));
    session.run(sql).await?;
    let mut sql = Sql::new("INSERT INTO changes (revision, movie_id, kind) VALUES (");
    sql.bind(revision.get()).push(", 0, ").bind(ChangeKind::Bumped.as_str()).push(")");
    session.run(sql).await?;
    Ok(revision)
}
