-- API keys. A secret itself is stored nowhere: `secret` is its SHA-256. After a rotation the secret before
-- lives on as `previous_secret` until `previous_until`. Every change but that of `last_used_at` gives
-- `api_keys_version` in `catalog_state` another value, by which replicas notice it.
CREATE TABLE api_keys (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret BLOB NOT NULL,
    previous_secret BLOB,
    previous_until INTEGER,
    rate_limit TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (id)
) WITHOUT ROWID;
