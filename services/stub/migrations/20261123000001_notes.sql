CREATE TABLE notes (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL
);

-- Serves the list: newest first, page by page.
CREATE INDEX notes_by_account ON notes (account_id, created_at DESC, id DESC);
