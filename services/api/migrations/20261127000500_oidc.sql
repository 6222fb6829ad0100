-- Sign-in through an OpenID provider.

-- Who a user is there.
CREATE TABLE user_identities (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_user ON user_identities (user_id);

-- Sign-ins under way: each is good for one answer of the provider, to who began it.
CREATE TABLE oidc_authorizations (
    state_hash  bytea PRIMARY KEY,
    ticket_hash bytea NOT NULL,
    nonce       text NOT NULL,
    verifier    text NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX oidc_authorizations_time ON oidc_authorizations (created_at);
