-- Utterances that assistants were not sure of, for a person to say what they mean.
ALTER TABLE assistants ADD COLUMN collects_utterances boolean NOT NULL DEFAULT true;

CREATE TABLE inbox_items (
    id            uuid PRIMARY KEY,
    assistant_id  uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    -- Of the normalised text: the index is as wide for a long one.
    text_hash     bytea NOT NULL,
    text          text NOT NULL,
    seen          bigint NOT NULL,
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    guesses       jsonb NOT NULL,
    model_version integer NOT NULL,
    status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'labelled', 'dismissed')),
    -- `out_of_scope` is one, too.
    intent        text,
    decided_by    uuid,
    decided_at    timestamptz,
    CONSTRAINT inbox_items_text_unique UNIQUE (assistant_id, text_hash),
    CHECK ((status = 'labelled') = (intent IS NOT NULL))
);
CREATE INDEX inbox_items_page ON inbox_items (assistant_id, status, seen DESC, last_at DESC, id DESC);
-- Finds those that are too many, and those that have been kept long enough.
CREATE INDEX inbox_items_open ON inbox_items (assistant_id, last_at DESC) WHERE status = 'open';
CREATE INDEX inbox_items_age ON inbox_items (last_at);

-- What was taken: the job that brings it may run twice.
CREATE TABLE inbox_batches (
    id       uuid PRIMARY KEY,
    taken_at timestamptz NOT NULL
);
CREATE INDEX inbox_batches_age ON inbox_batches (taken_at);
