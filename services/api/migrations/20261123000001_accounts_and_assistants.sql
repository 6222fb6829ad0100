-- Accounts, their users and keys, and the assistants that they own.

CREATE TABLE accounts (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    -- Lower case, so that one address is one user.
    email         text NOT NULL CONSTRAINT users_email_unique UNIQUE,
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Each token is good for one use; all that descend from one sign-in are a family.
CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    family     uuid NOT NULL,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- Failed sign-ins of an e-mail address from a network address, for the throttle.
CREATE TABLE sign_in_failures (
    -- A hash of both addresses: the table is as wide for a long one.
    who          bytea PRIMARY KEY,
    failures     integer NOT NULL,
    window_start timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_window ON sign_in_failures (window_start);

CREATE TABLE assistants (
    id                    uuid PRIMARY KEY,
    account_id            uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name                  text NOT NULL,
    language              text NOT NULL,
    active_model          integer,
    -- The last number given out of each kind; they only grow.
    training_data_version integer NOT NULL DEFAULT 0,
    flows_version         integer NOT NULL DEFAULT 0,
    model_version         integer NOT NULL DEFAULT 0,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    CONSTRAINT assistants_name_unique UNIQUE (account_id, name)
);
CREATE INDEX assistants_page ON assistants (account_id, created_at DESC, id DESC);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name         text NOT NULL,
    prefix       text NOT NULL,
    key_hash     bytea NOT NULL UNIQUE,
    role         text NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
    assistant_id uuid REFERENCES assistants ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_page ON api_keys (account_id, created_at DESC, id DESC);
