-- Of the request that created the note: the same key creates it once.
ALTER TABLE notes ADD COLUMN idempotency_key text;

CREATE UNIQUE INDEX notes_idempotency_key ON notes (account_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
