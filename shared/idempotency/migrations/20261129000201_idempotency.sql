-- The answers to requests with an Idempotency-Key (shared/idempotency).
CREATE TABLE idempotency_keys (
    account_id   uuid NOT NULL,
    key          text NOT NULL,
    -- Stands for the request.
    request_hash bytea NOT NULL,
    -- Null while the first request is in flight.
    status       smallint,
    -- Null with a status: it held a secret, and is not told again.
    body         bytea,
    content_type text,
    location     text,
    locked_until timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
