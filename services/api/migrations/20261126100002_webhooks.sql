-- Endpoints of an account's own that are told what happens.
CREATE TABLE webhooks (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    url        text NOT NULL,
    events     text[] NOT NULL,
    -- As it was shown: each message is signed with it.
    secret     text NOT NULL,
    is_enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX webhooks_page ON webhooks (account_id, created_at DESC, id DESC);

-- An event on its way to a webhook, committed with what it is about and with its job in the outbox.
CREATE TABLE webhook_deliveries (
    id          uuid PRIMARY KEY,
    webhook_id  uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event       text NOT NULL,
    -- JSON, byte for byte as it is signed.
    body        text NOT NULL,
    status      text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    created_at  timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX webhook_deliveries_page ON webhook_deliveries (webhook_id, created_at DESC, id DESC);
-- Finds those that have been kept long enough.
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at);

CREATE TABLE webhook_attempts (
    delivery_id     uuid NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    number          smallint NOT NULL,
    response_status smallint,
    error           text,
    milliseconds    integer NOT NULL,
    attempted_at    timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, number)
);
