-- Each sign-in counts the sessions of its user that are open, and not those of a month that have ended.

CREATE INDEX sessions_open ON sessions (user_id) WHERE ended_at IS NULL;
