-- Models that recommendations come from: their bytes in chunks, so that every replica can read them without
-- a disk that all share. A model is `whole` once all of its chunks are there; before that, and while it is
-- being removed, nobody reads it. Which one is in use is `model_in_use` in `catalog_state`, by which
-- replicas notice another. No version is given twice. `validation` is JSON; see domain::model.
CREATE TABLE models (
    version BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha256 VARBINARY(32) NOT NULL,
    bytes BIGINT NOT NULL,
    chunks INT NOT NULL,
    whole SMALLINT NOT NULL,
    users BIGINT NOT NULL,
    interactions BIGINT NOT NULL,
    items BIGINT NOT NULL,
    validation TEXT,
    made_at BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE model_chunks (
    version BIGINT NOT NULL,
    number INT NOT NULL,
    content MEDIUMBLOB NOT NULL,
    PRIMARY KEY (version, number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
