-- Whose key the request that opened a conversation had: nobody else gets it for theirs. Those of earlier releases do not say.
ALTER TABLE conversations ADD COLUMN key_owner uuid;
