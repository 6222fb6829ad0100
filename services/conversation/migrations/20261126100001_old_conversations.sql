-- Finds the conversations that have been kept long enough.
CREATE INDEX conversations_by_age ON conversations (updated_at);
