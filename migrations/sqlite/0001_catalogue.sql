-- Marquee's tables. The other backend's file says the same; a test compares them.
--
-- Text that people wrote is kept byte-exact. What is compared is a key that Marquee computes
-- (domain::text) and that the database compares as bytes, so that no collation has a say.
-- Times are Unix milliseconds. Lists of names are JSON.

-- `title_key`, `rating_tenths` (rating x 10, cut) and `identity` are derived; see store::row.
-- `cast_names` and `released` avoid words that MySQL reserves or reinterprets.
CREATE TABLE movies (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    title_key BLOB NOT NULL,
    identity BLOB NOT NULL,
    year INTEGER,
    released TEXT,
    runtime_minutes INTEGER,
    directors TEXT NOT NULL,
    genres TEXT NOT NULL,
    cast_names TEXT NOT NULL,
    countries TEXT NOT NULL,
    languages TEXT NOT NULL,
    synopsis TEXT,
    rating REAL,
    rating_tenths INTEGER,
    votes INTEGER,
    popularity REAL,
    imdb_id TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX movies_imdb_id ON movies (imdb_id);
CREATE INDEX movies_identity ON movies (identity);

-- One index for each order of a list. `year` and `rating` ride along so that a filter on them is
-- answered within the index.
CREATE INDEX movies_popularity ON movies (popularity, id, year, rating);
CREATE INDEX movies_rating ON movies (rating, id, year);
CREATE INDEX movies_votes ON movies (votes, id, year, rating);
CREATE INDEX movies_year ON movies (year, id, rating);
CREATE INDEX movies_title ON movies (title_key, id, year, rating);
CREATE INDEX movies_created ON movies (created_at, id, year, rating);

-- The same within a year, and within a tenth of rating: lists filtered by those and sorted by others.
CREATE INDEX movies_year_popularity ON movies (year, popularity, id, rating);
CREATE INDEX movies_year_rating ON movies (year, rating, id);
CREATE INDEX movies_year_votes ON movies (year, votes, id, rating);
CREATE INDEX movies_year_title ON movies (year, title_key, id, rating);
CREATE INDEX movies_year_created ON movies (year, created_at, id, rating);
CREATE INDEX movies_tenths_popularity ON movies (rating_tenths, popularity, id, year, rating);
CREATE INDEX movies_tenths_votes ON movies (rating_tenths, votes, id, year, rating);
CREATE INDEX movies_tenths_year ON movies (rating_tenths, year, id, rating);
CREATE INDEX movies_tenths_title ON movies (rating_tenths, title_key, id, year, rating);
CREATE INDEX movies_tenths_created ON movies (rating_tenths, created_at, id, year, rating);

-- The names that lists filter by, and for each the movies that have it. The sort columns stand beside
-- the name, so that such a list reads one index range and never sorts.

CREATE TABLE genres (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key BLOB NOT NULL
);
CREATE UNIQUE INDEX genres_name_key ON genres (name_key);

CREATE TABLE movie_genres (
    movie_id INTEGER NOT NULL,
    genre_id INTEGER NOT NULL,
    popularity REAL,
    rating REAL,
    votes INTEGER,
    year INTEGER,
    title_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (movie_id, genre_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX movie_genres_popularity ON movie_genres (genre_id, popularity, movie_id, year, rating);
CREATE INDEX movie_genres_rating ON movie_genres (genre_id, rating, movie_id, year);
CREATE INDEX movie_genres_votes ON movie_genres (genre_id, votes, movie_id, year, rating);
CREATE INDEX movie_genres_year ON movie_genres (genre_id, year, movie_id, rating);
CREATE INDEX movie_genres_title ON movie_genres (genre_id, title_key, movie_id, year, rating);
CREATE INDEX movie_genres_created ON movie_genres (genre_id, created_at, movie_id, year, rating);

CREATE TABLE directors (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key BLOB NOT NULL
);
CREATE UNIQUE INDEX directors_name_key ON directors (name_key);

CREATE TABLE movie_directors (
    movie_id INTEGER NOT NULL,
    director_id INTEGER NOT NULL,
    popularity REAL,
    rating REAL,
    votes INTEGER,
    year INTEGER,
    title_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (movie_id, director_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX movie_directors_popularity ON movie_directors (director_id, popularity, movie_id, year, rating);
CREATE INDEX movie_directors_rating ON movie_directors (director_id, rating, movie_id, year);
CREATE INDEX movie_directors_votes ON movie_directors (director_id, votes, movie_id, year, rating);
CREATE INDEX movie_directors_year ON movie_directors (director_id, year, movie_id, rating);
CREATE INDEX movie_directors_title ON movie_directors (director_id, title_key, movie_id, year, rating);
CREATE INDEX movie_directors_created ON movie_directors (director_id, created_at, movie_id, year, rating);

CREATE TABLE countries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key BLOB NOT NULL
);
CREATE UNIQUE INDEX countries_name_key ON countries (name_key);

CREATE TABLE movie_countries (
    movie_id INTEGER NOT NULL,
    country_id INTEGER NOT NULL,
    popularity REAL,
    rating REAL,
    votes INTEGER,
    year INTEGER,
    title_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (movie_id, country_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX movie_countries_popularity ON movie_countries (country_id, popularity, movie_id, year, rating);
CREATE INDEX movie_countries_rating ON movie_countries (country_id, rating, movie_id, year);
CREATE INDEX movie_countries_votes ON movie_countries (country_id, votes, movie_id, year, rating);
CREATE INDEX movie_countries_year ON movie_countries (country_id, year, movie_id, rating);
CREATE INDEX movie_countries_title ON movie_countries (country_id, title_key, movie_id, year, rating);
CREATE INDEX movie_countries_created ON movie_countries (country_id, created_at, movie_id, year, rating);

CREATE TABLE languages (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key BLOB NOT NULL
);
CREATE UNIQUE INDEX languages_name_key ON languages (name_key);

CREATE TABLE movie_languages (
    movie_id INTEGER NOT NULL,
    language_id INTEGER NOT NULL,
    popularity REAL,
    rating REAL,
    votes INTEGER,
    year INTEGER,
    title_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (movie_id, language_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX movie_languages_popularity ON movie_languages (language_id, popularity, movie_id, year, rating);
CREATE INDEX movie_languages_rating ON movie_languages (language_id, rating, movie_id, year);
CREATE INDEX movie_languages_votes ON movie_languages (language_id, votes, movie_id, year, rating);
CREATE INDEX movie_languages_year ON movie_languages (language_id, year, movie_id, rating);
CREATE INDEX movie_languages_title ON movie_languages (language_id, title_key, movie_id, year, rating);
CREATE INDEX movie_languages_created ON movie_languages (language_id, created_at, movie_id, year, rating);

-- How many movies have a value, so that the totals of simple lists need no counting.
-- `facet`: see store::facet.
CREATE TABLE facet_counts (
    facet INTEGER NOT NULL,
    value INTEGER NOT NULL,
    movies INTEGER NOT NULL,
    PRIMARY KEY (facet, value)
) WITHOUT ROWID;

-- The last write that touched each part of the catalogue. The row '*' is raised by every write, as the
-- last lock that it takes: the order of revisions is the order of commits, without gaps.
CREATE TABLE catalog_revisions (
    scope TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (scope)
) WITHOUT ROWID;
CREATE INDEX catalog_revisions_revision ON catalog_revisions (revision);
INSERT INTO catalog_revisions (scope, revision) VALUES ('*', 0);

-- The change feed. `movie_id` 0 is the whole catalogue (`marquee bump`).
CREATE TABLE changes (
    revision INTEGER NOT NULL,
    movie_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (revision, movie_id)
) WITHOUT ROWID;

-- Answers of creates that were sent with a key, to be given again for a day.
CREATE TABLE idempotency_keys (
    key_hash BLOB NOT NULL,
    request BLOB NOT NULL,
    revision INTEGER NOT NULL,
    movie TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_hash)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Single facts: `epoch`, `changes_floor`, `bundled_catalogue`.
CREATE TABLE catalog_state (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;
