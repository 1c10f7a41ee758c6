-- API keys. A secret itself is stored nowhere: `secret` is its SHA-256. After a rotation the secret before
-- lives on as `previous_secret` until `previous_until`. Every change but that of `last_used_at` gives
-- `api_keys_version` in `catalog_state` another value, by which replicas notice it.
CREATE TABLE api_keys (
    id VARCHAR(16) NOT NULL,
    name VARCHAR(100) NOT NULL,
    role VARCHAR(16) NOT NULL,
    secret VARBINARY(32) NOT NULL,
    previous_secret VARBINARY(32),
    previous_until BIGINT,
    rate_limit VARCHAR(255),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
