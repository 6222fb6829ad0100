-- The words of what was said, each by itself: PostgreSQL's parser takes an address, a path, a fraction or a signed number for
-- one word, so that nobody finds its parts. What is searched for is split by the same function.
CREATE FUNCTION searchable_words(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig, translate(said, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)));

CREATE INDEX events_words ON events USING gin (searchable_words(text)) WHERE text IS NOT NULL;
-- Only the release before searches by it, which does so more slowly without.
DROP INDEX events_text;
