-- Models that recommendations come from: their bytes in chunks, so that every replica can read them without
-- a disk that all share. A model is `whole` once all of its chunks are there; before that, and while it is
-- being removed, nobody reads it. Which one is in use is `model_in_use` in `catalog_state`, by which
-- replicas notice another. No version is given twice. `validation` is JSON; see domain::model.
CREATE TABLE models (
    version INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha256 BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    users INTEGER NOT NULL,
    interactions INTEGER NOT NULL,
    items INTEGER NOT NULL,
    validation TEXT,
    made_at INTEGER NOT NULL
);

CREATE TABLE model_chunks (
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (version, number)
);
