-- Sessions that their user can see and end, keys that are narrowed and expire, and what was revoked lately.

-- The id is the family of its refresh tokens. One that has ended stays for a while: its address is known to be the user's.
CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    user_agent   text,
    address      text,
    ended_at     timestamptz
);
CREATE INDEX sessions_page ON sessions (user_id, created_at DESC, id DESC);
CREATE INDEX sessions_last_used ON sessions (last_used_at);
INSERT INTO sessions (id, user_id, created_at, last_used_at)
    SELECT family, user_id, min(created_at), max(created_at) FROM refresh_tokens GROUP BY family, user_id;

-- The token that bought this one, and whether another was given out in its place because its answer was lost.
ALTER TABLE refresh_tokens ADD COLUMN parent_hash bytea;
ALTER TABLE refresh_tokens ADD COLUMN replaced boolean NOT NULL DEFAULT false;
CREATE INDEX refresh_tokens_parent ON refresh_tokens (parent_hash);

-- The releases before know no scopes: their keys are for everything.
ALTER TABLE api_keys ADD COLUMN scopes text[] NOT NULL DEFAULT '{parse,converse,manage}';
ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;

-- Sessions and API keys whose access tokens may still be about; in the order in which they were committed.
CREATE TABLE revocations (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    uuid NOT NULL,
    revoked_at timestamptz NOT NULL
);
CREATE INDEX revocations_time ON revocations (revoked_at);
