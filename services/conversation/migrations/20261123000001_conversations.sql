-- A conversation, and what the dialogue engine remembers of it.
CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    assistant_id uuid NOT NULL,
    -- `api`: opened by a client. `rest`: belongs to a sender of the Rasa-compatible channel.
    -- `closed`: was one of those, and has grown too long.
    channel text NOT NULL CHECK (channel IN ('api', 'rest', 'closed')),
    sender text,
    status text NOT NULL CHECK (status IN ('active', 'handover', 'ended')),
    -- Opaque outside the engine.
    engine jsonb NOT NULL,
    -- The sequence of its last event.
    last_event bigint NOT NULL DEFAULT 0,
    -- Of the request that opened it.
    idempotency_key text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- One conversation for each sender of the channel.
CREATE UNIQUE INDEX conversations_sender_key ON conversations (assistant_id, sender)
    WHERE channel = 'rest';
CREATE UNIQUE INDEX conversations_idempotency_key
    ON conversations (account_id, assistant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- Lists, newest first: ids are made in the order of time.
CREATE INDEX conversations_by_assistant ON conversations (assistant_id, id DESC);

-- Everything that happened in a conversation, in order.
CREATE TABLE events (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    kind jsonb NOT NULL,
    -- What was said, to be searched.
    text text,
    PRIMARY KEY (conversation_id, sequence)
);

CREATE INDEX events_text ON events USING gin (to_tsvector('simple', text))
    WHERE text IS NOT NULL;

-- What was answered to a message with an idempotency key, so that it is heard only once.
CREATE TABLE turns (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    idempotency_key text NOT NULL,
    text text NOT NULL,
    reply jsonb NOT NULL,
    PRIMARY KEY (conversation_id, idempotency_key)
);
