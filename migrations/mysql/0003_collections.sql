-- Collections: movies that an editor put together. `definition` is JSON, with what is not in a column of
-- its own; see domain::collection. `revision` is that of the last change: with its scope in
-- `catalog_revisions` it tells replicas which rows to read anew.
CREATE TABLE collections (
    slug VARCHAR(64) NOT NULL,
    title VARCHAR(200) NOT NULL,
    description MEDIUMTEXT,
    definition MEDIUMTEXT NOT NULL,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (slug)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
