-- What an assistant learns from and does, and the models that come of it.

CREATE TABLE training_data (
    assistant_id uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    version      integer NOT NULL,
    data         jsonb NOT NULL,
    examples     integer NOT NULL,
    -- Names that it knows, to check flows against without reading the data.
    intents      text[] NOT NULL,
    entities     text[] NOT NULL,
    created_by   uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (assistant_id, version)
);

CREATE TABLE flows (
    assistant_id uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    version      integer NOT NULL,
    -- As the author wrote it, comments and all.
    source       text NOT NULL,
    media_type   text NOT NULL,
    flows        jsonb NOT NULL,
    created_by   uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (assistant_id, version)
);

CREATE TABLE trainings (
    id                    uuid PRIMARY KEY,
    assistant_id          uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    training_data_version integer NOT NULL,
    model_version         integer NOT NULL,
    activate              boolean NOT NULL,
    status                text NOT NULL
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    progress              double precision NOT NULL DEFAULT 0,
    metrics               jsonb,
    error                 text,
    created_by            uuid NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    finished_at           timestamptz
);
CREATE INDEX trainings_page ON trainings (assistant_id, created_at DESC, id DESC);
-- One training of an assistant at a time.
CREATE UNIQUE INDEX trainings_one_at_a_time ON trainings (assistant_id)
    WHERE status IN ('queued', 'running');

CREATE TABLE models (
    assistant_id uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    version      integer NOT NULL,
    training_id  uuid NOT NULL,
    metrics      jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (assistant_id, version)
);

-- Jobs that are committed together with the rows that they are about; a relay hands them on to
-- the queue, so that a crash between the two loses nothing.
CREATE TABLE outbox (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    kind       text NOT NULL,
    payload    jsonb NOT NULL,
    -- The trace context of the request, so that the job continues its trace.
    trace      jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

-- Answers to POST requests that carried an Idempotency-Key.
CREATE TABLE idempotency_keys (
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key          text NOT NULL,
    -- Of method, path and body.
    request_hash bytea NOT NULL,
    -- Null while the first request is in flight.
    status       smallint,
    body         bytea,
    content_type text,
    locked_until timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
