-- Collections: movies that an editor put together. `definition` is JSON, with what is not in a column of
-- its own; see domain::collection. `revision` is that of the last change: with its scope in
-- `catalog_revisions` it tells replicas which rows to read anew.
CREATE TABLE collections (
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    definition TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (slug)
) WITHOUT ROWID;
