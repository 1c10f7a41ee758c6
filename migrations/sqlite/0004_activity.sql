-- Activity: what people do. `day` and `hour` are days and hours since 1970 in UTC. A sketch (domain::activity)
-- tells about how many distinct clients there were; sketches are merged by OR, so that replicas and batches
-- add up in any order. `clients` is what the sketch says, for the index.
--
-- Looks at movies by the hour: what is trending is read from them. After some days they are folded into days.
CREATE TABLE movie_views (
    hour INTEGER NOT NULL,
    movie_id INTEGER NOT NULL,
    views INTEGER NOT NULL,
    clients INTEGER NOT NULL,
    sketch_0 INTEGER NOT NULL,
    sketch_1 INTEGER NOT NULL,
    sketch_2 INTEGER NOT NULL,
    sketch_3 INTEGER NOT NULL,
    PRIMARY KEY (hour, movie_id)
) WITHOUT ROWID;
CREATE INDEX movie_views_clients ON movie_views (hour, clients, movie_id);

-- Looks at movies by the day.
CREATE TABLE movie_days (
    day INTEGER NOT NULL,
    movie_id INTEGER NOT NULL,
    views INTEGER NOT NULL,
    sketch_0 INTEGER NOT NULL,
    sketch_1 INTEGER NOT NULL,
    sketch_2 INTEGER NOT NULL,
    sketch_3 INTEGER NOT NULL,
    PRIMARY KEY (day, movie_id)
) WITHOUT ROWID;

-- Looks at collections by the day.
CREATE TABLE collection_days (
    day INTEGER NOT NULL,
    slug TEXT NOT NULL,
    views INTEGER NOT NULL,
    sketch_0 INTEGER NOT NULL,
    sketch_1 INTEGER NOT NULL,
    sketch_2 INTEGER NOT NULL,
    sketch_3 INTEGER NOT NULL,
    PRIMARY KEY (day, slug)
) WITHOUT ROWID;

-- What was looked for, by the day. `query_key` is a hash of `query`, which is canonical; `hits` is how many movies
-- the last one found. From `opened` of them something was opened, at positions whose sum is `positions`.
CREATE TABLE searches (
    day INTEGER NOT NULL,
    query_key BLOB NOT NULL,
    query TEXT NOT NULL,
    searches INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    positions INTEGER NOT NULL,
    clients INTEGER NOT NULL,
    sketch_0 INTEGER NOT NULL,
    sketch_1 INTEGER NOT NULL,
    sketch_2 INTEGER NOT NULL,
    sketch_3 INTEGER NOT NULL,
    PRIMARY KEY (day, query_key)
) WITHOUT ROWID;
CREATE INDEX searches_clients ON searches (day, clients);
CREATE INDEX searches_empty ON searches (day, hits, clients);

-- Which movies were opened from which searches.
CREATE TABLE search_opened (
    day INTEGER NOT NULL,
    query_key BLOB NOT NULL,
    movie_id INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    sketch_0 INTEGER NOT NULL,
    sketch_1 INTEGER NOT NULL,
    sketch_2 INTEGER NOT NULL,
    sketch_3 INTEGER NOT NULL,
    PRIMARY KEY (day, query_key, movie_id)
) WITHOUT ROWID;

-- What users did with movies: users are pseudonyms, or clients of one day (`*` and a number). `event` is a hash
-- that is the same for what is to count once; `kind` and `value`: see domain::activity::Signal.
CREATE TABLE interactions (
    user_id TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    event BLOB NOT NULL,
    movie_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    value REAL,
    day INTEGER NOT NULL,
    PRIMARY KEY (user_id, happened_at, event)
) WITHOUT ROWID;
CREATE UNIQUE INDEX interactions_event ON interactions (event);
CREATE INDEX interactions_day ON interactions (day);

-- Users that were erased, by a hash: what was noted of them before, and is still under way, is not stored.
-- `erasure` is the number of the erasure; `erasures` in `catalog_state` is that of the last one.
CREATE TABLE erased_users (
    user_key BLOB NOT NULL,
    erasure INTEGER NOT NULL,
    erased_at INTEGER NOT NULL,
    PRIMARY KEY (user_key)
) WITHOUT ROWID;

-- It is there from the beginning, so that there is something to lock.
INSERT INTO catalog_state (name, value) VALUES ('erasures', '0');

-- What clients' numbers are made with on one day. It goes with its day.
CREATE TABLE activity_salts (
    day INTEGER NOT NULL,
    salt BLOB NOT NULL,
    PRIMARY KEY (day)
) WITHOUT ROWID;

-- The last batch of each replica that is stored, so that none is stored twice.
CREATE TABLE activity_writers (
    writer BLOB NOT NULL,
    batch INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (writer)
) WITHOUT ROWID;
