-- Marquee's tables. The other backend's file says the same; a test compares them.
--
-- Text that people wrote is kept byte-exact. What is compared is a key that Marquee computes
-- (domain::text) and that the database compares as bytes, so that no collation has a say.
-- Times are Unix milliseconds. Lists of names are JSON.

-- `title_key`, `rating_tenths` (rating x 10, cut) and `identity` are derived; see store::row.
-- One key for each order of a list; `year` and `rating` ride along so that a filter on them is answered
-- within the index. The same again within a year, and within a tenth of rating.
-- `cast_names` and `released` avoid words that MySQL reserves or reinterprets.
CREATE TABLE movies (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    title VARCHAR(500) NOT NULL,
    title_key VARBINARY(255) NOT NULL,
    identity VARBINARY(16) NOT NULL,
    year SMALLINT,
    released VARCHAR(10),
    runtime_minutes INT,
    directors MEDIUMTEXT NOT NULL,
    genres MEDIUMTEXT NOT NULL,
    cast_names MEDIUMTEXT NOT NULL,
    countries MEDIUMTEXT NOT NULL,
    languages MEDIUMTEXT NOT NULL,
    synopsis MEDIUMTEXT,
    rating DOUBLE,
    rating_tenths SMALLINT,
    votes BIGINT,
    popularity DOUBLE,
    imdb_id VARCHAR(12),
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE KEY movies_imdb_id (imdb_id),
    KEY movies_identity (identity),
    KEY movies_popularity (popularity, id, year, rating),
    KEY movies_rating (rating, id, year),
    KEY movies_votes (votes, id, year, rating),
    KEY movies_year (year, id, rating),
    KEY movies_title (title_key, id, year, rating),
    KEY movies_created (created_at, id, year, rating),
    KEY movies_year_popularity (year, popularity, id, rating),
    KEY movies_year_rating (year, rating, id),
    KEY movies_year_votes (year, votes, id, rating),
    KEY movies_year_title (year, title_key, id, rating),
    KEY movies_year_created (year, created_at, id, rating),
    KEY movies_tenths_popularity (rating_tenths, popularity, id, year, rating),
    KEY movies_tenths_votes (rating_tenths, votes, id, year, rating),
    KEY movies_tenths_year (rating_tenths, year, id, rating),
    KEY movies_tenths_title (rating_tenths, title_key, id, year, rating),
    KEY movies_tenths_created (rating_tenths, created_at, id, year, rating)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The names that lists filter by, and for each the movies that have it. The sort columns stand beside
-- the name, so that such a list reads one index range and never sorts.

CREATE TABLE genres (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    name_key VARBINARY(2400) NOT NULL,
    UNIQUE KEY genres_name_key (name_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE movie_genres (
    movie_id BIGINT NOT NULL,
    genre_id BIGINT NOT NULL,
    popularity DOUBLE,
    rating DOUBLE,
    votes BIGINT,
    year SMALLINT,
    title_key VARBINARY(255) NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (movie_id, genre_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE,
    KEY movie_genres_popularity (genre_id, popularity, movie_id, year, rating),
    KEY movie_genres_rating (genre_id, rating, movie_id, year),
    KEY movie_genres_votes (genre_id, votes, movie_id, year, rating),
    KEY movie_genres_year (genre_id, year, movie_id, rating),
    KEY movie_genres_title (genre_id, title_key, movie_id, year, rating),
    KEY movie_genres_created (genre_id, created_at, movie_id, year, rating)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE directors (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    name_key VARBINARY(2400) NOT NULL,
    UNIQUE KEY directors_name_key (name_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE movie_directors (
    movie_id BIGINT NOT NULL,
    director_id BIGINT NOT NULL,
    popularity DOUBLE,
    rating DOUBLE,
    votes BIGINT,
    year SMALLINT,
    title_key VARBINARY(255) NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (movie_id, director_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE,
    KEY movie_directors_popularity (director_id, popularity, movie_id, year, rating),
    KEY movie_directors_rating (director_id, rating, movie_id, year),
    KEY movie_directors_votes (director_id, votes, movie_id, year, rating),
    KEY movie_directors_year (director_id, year, movie_id, rating),
    KEY movie_directors_title (director_id, title_key, movie_id, year, rating),
    KEY movie_directors_created (director_id, created_at, movie_id, year, rating)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE countries (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    name_key VARBINARY(2400) NOT NULL,
    UNIQUE KEY countries_name_key (name_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE movie_countries (
    movie_id BIGINT NOT NULL,
    country_id BIGINT NOT NULL,
    popularity DOUBLE,
    rating DOUBLE,
    votes BIGINT,
    year SMALLINT,
    title_key VARBINARY(255) NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (movie_id, country_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE,
    KEY movie_countries_popularity (country_id, popularity, movie_id, year, rating),
    KEY movie_countries_rating (country_id, rating, movie_id, year),
    KEY movie_countries_votes (country_id, votes, movie_id, year, rating),
    KEY movie_countries_year (country_id, year, movie_id, rating),
    KEY movie_countries_title (country_id, title_key, movie_id, year, rating),
    KEY movie_countries_created (country_id, created_at, movie_id, year, rating)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE languages (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    name_key VARBINARY(2400) NOT NULL,
    UNIQUE KEY languages_name_key (name_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE movie_languages (
    movie_id BIGINT NOT NULL,
    language_id BIGINT NOT NULL,
    popularity DOUBLE,
    rating DOUBLE,
    votes BIGINT,
    year SMALLINT,
    title_key VARBINARY(255) NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (movie_id, language_id),
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE CASCADE,
    KEY movie_languages_popularity (language_id, popularity, movie_id, year, rating),
    KEY movie_languages_rating (language_id, rating, movie_id, year),
    KEY movie_languages_votes (language_id, votes, movie_id, year, rating),
    KEY movie_languages_year (language_id, year, movie_id, rating),
    KEY movie_languages_title (language_id, title_key, movie_id, year, rating),
    KEY movie_languages_created (language_id, created_at, movie_id, year, rating)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- How many movies have a value, so that the totals of simple lists need no counting.
-- `facet`: see store::facet.
CREATE TABLE facet_counts (
    facet SMALLINT NOT NULL,
    value BIGINT NOT NULL,
    movies BIGINT NOT NULL,
    PRIMARY KEY (facet, value)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The last write that touched each part of the catalogue. The row '*' is raised by every write, as the
-- last lock that it takes: the order of revisions is the order of commits, without gaps.
CREATE TABLE catalog_revisions (
    scope VARCHAR(640) NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (scope),
    KEY catalog_revisions_revision (revision)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO catalog_revisions (scope, revision) VALUES ('*', 0);

-- The change feed. `movie_id` 0 is the whole catalogue (`marquee bump`).
CREATE TABLE changes (
    revision BIGINT NOT NULL,
    movie_id BIGINT NOT NULL,
    kind VARCHAR(10) NOT NULL,
    PRIMARY KEY (revision, movie_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Answers of creates that were sent with a key, to be given again for a day.
CREATE TABLE idempotency_keys (
    key_hash VARBINARY(32) NOT NULL,
    request VARBINARY(32) NOT NULL,
    revision BIGINT NOT NULL,
    movie MEDIUMTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key_hash),
    KEY idempotency_keys_created_at (created_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Single facts: `epoch`, `changes_floor`, `bundled_catalogue`.
CREATE TABLE catalog_state (
    name VARCHAR(64) NOT NULL,
    value VARCHAR(255) NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
