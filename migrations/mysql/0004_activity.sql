-- Activity: what people do. `day` and `hour` are days and hours since 1970 in UTC. A sketch (domain::activity)
-- tells about how many distinct clients there were; sketches are merged by OR, so that replicas and batches
-- add up in any order. `clients` is what the sketch says, for the index.
--
-- Looks at movies by the hour: what is trending is read from them. After some days they are folded into days.
CREATE TABLE movie_views (
    hour BIGINT NOT NULL,
    movie_id BIGINT NOT NULL,
    views BIGINT NOT NULL,
    clients BIGINT NOT NULL,
    sketch_0 BIGINT NOT NULL,
    sketch_1 BIGINT NOT NULL,
    sketch_2 BIGINT NOT NULL,
    sketch_3 BIGINT NOT NULL,
    PRIMARY KEY (hour, movie_id),
    KEY movie_views_clients (hour, clients, movie_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Looks at movies by the day.
CREATE TABLE movie_days (
    day BIGINT NOT NULL,
    movie_id BIGINT NOT NULL,
    views BIGINT NOT NULL,
    sketch_0 BIGINT NOT NULL,
    sketch_1 BIGINT NOT NULL,
    sketch_2 BIGINT NOT NULL,
    sketch_3 BIGINT NOT NULL,
    PRIMARY KEY (day, movie_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Looks at collections by the day.
CREATE TABLE collection_days (
    day BIGINT NOT NULL,
    slug VARCHAR(64) NOT NULL,
    views BIGINT NOT NULL,
    sketch_0 BIGINT NOT NULL,
    sketch_1 BIGINT NOT NULL,
    sketch_2 BIGINT NOT NULL,
    sketch_3 BIGINT NOT NULL,
    PRIMARY KEY (day, slug)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What was looked for, by the day. `query_key` is a hash of `query`, which is canonical; `hits` is how many movies
-- the last one found. From `opened` of them something was opened, at positions whose sum is `positions`.
CREATE TABLE searches (
    day BIGINT NOT NULL,
    query_key VARBINARY(16) NOT NULL,
    query MEDIUMTEXT NOT NULL,
    searches BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    positions BIGINT NOT NULL,
    clients BIGINT NOT NULL,
    sketch_0 BIGINT NOT NULL,
    sketch_1 BIGINT NOT NULL,
    sketch_2 BIGINT NOT NULL,
    sketch_3 BIGINT NOT NULL,
    PRIMARY KEY (day, query_key),
    KEY searches_clients (day, clients),
    KEY searches_empty (day, hits, clients)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Which movies were opened from which searches.
CREATE TABLE search_opened (
    day BIGINT NOT NULL,
    query_key VARBINARY(16) NOT NULL,
    movie_id BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    sketch_0 BIGINT NOT NULL,
    sketch_1 BIGINT NOT NULL,
    sketch_2 BIGINT NOT NULL,
    sketch_3 BIGINT NOT NULL,
    PRIMARY KEY (day, query_key, movie_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What users did with movies: users are pseudonyms, or clients of one day (`*` and a number). `event` is a hash
-- that is the same for what is to count once; `kind` and `value`: see domain::activity::Signal.
CREATE TABLE interactions (
    user_id VARCHAR(65) NOT NULL,
    happened_at BIGINT NOT NULL,
    event VARBINARY(16) NOT NULL,
    movie_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    value DOUBLE,
    day BIGINT NOT NULL,
    PRIMARY KEY (user_id, happened_at, event),
    UNIQUE KEY interactions_event (event),
    KEY interactions_day (day)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Users that were erased, by a hash: what was noted of them before, and is still under way, is not stored.
-- `erasure` is the number of the erasure; `erasures` in `catalog_state` is that of the last one.
CREATE TABLE erased_users (
    user_key VARBINARY(32) NOT NULL,
    erasure BIGINT NOT NULL,
    erased_at BIGINT NOT NULL,
    PRIMARY KEY (user_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- It is there from the beginning, so that there is something to lock.
INSERT INTO catalog_state (name, value) VALUES ('erasures', '0');

-- What clients' numbers are made with on one day. It goes with its day.
CREATE TABLE activity_salts (
    day BIGINT NOT NULL,
    salt VARBINARY(32) NOT NULL,
    PRIMARY KEY (day)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The last batch of each replica that is stored, so that none is stored twice.
CREATE TABLE activity_writers (
    writer VARBINARY(16) NOT NULL,
    batch BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (writer)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
