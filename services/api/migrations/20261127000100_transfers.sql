-- Files of training data that come in and go out by jobs, which have the ids of these rows.

CREATE TABLE transfers (
    id            uuid PRIMARY KEY,
    assistant_id  uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    direction     text NOT NULL CHECK (direction IN ('import', 'export')),
    -- Of an import: what becomes of the data that is there.
    mode          text CHECK (mode IN ('replace', 'merge')),
    format        text NOT NULL CHECK (format IN ('json', 'yaml', 'csv')),
    -- The size of the file; null until there is one.
    bytes         bigint,
    -- The revision that was the latest at the beginning, 0 for none: an export writes it.
    base_version  integer NOT NULL,
    status        text NOT NULL
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    -- Until then a process works on it, or is dead; and how often one has begun to.
    claimed_until timestamptz,
    starts        integer NOT NULL DEFAULT 0,
    -- The revision that an import has made, and what is to be said about it.
    version       integer,
    counts        jsonb,
    hints         jsonb,
    error         text,
    -- What is wrong with the file.
    errors        jsonb,
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    CHECK ((direction = 'import') = (mode IS NOT NULL))
);
CREATE INDEX transfers_page ON transfers (assistant_id, direction, created_at DESC, id DESC);
-- One import of an assistant at a time, and one export of it in each format.
CREATE UNIQUE INDEX transfers_one_import ON transfers (assistant_id)
    WHERE direction = 'import' AND status IN ('queued', 'running');
CREATE UNIQUE INDEX transfers_one_export ON transfers (assistant_id, format)
    WHERE direction = 'export' AND status IN ('queued', 'running');
-- Finds those that have been kept long enough.
CREATE INDEX transfers_age ON transfers (finished_at);

-- The file in its order. An upload is here before its row is, so that it holds no transaction open while it comes in.
CREATE TABLE transfer_parts (
    transfer_id uuid NOT NULL,
    number      integer NOT NULL,
    content     bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (transfer_id, number)
);
CREATE INDEX transfer_parts_age ON transfer_parts (created_at);
