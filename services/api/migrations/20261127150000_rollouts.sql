-- Which versions of a model are tried beside the active one, and what was seen of them.
CREATE TABLE rollouts (
    assistant_id  uuid PRIMARY KEY REFERENCES assistants ON DELETE CASCADE,
    canary_model  integer,
    canary_weight smallint CHECK (canary_weight BETWEEN 1 AND 99),
    shadow_model  integer,
    -- Beside which active version the rest was seen.
    seen_beside   integer,
    seen          jsonb NOT NULL,
    -- The batches that were counted last: one may come twice.
    batches       uuid[] NOT NULL DEFAULT '{}',
    CHECK ((canary_model IS NULL) = (canary_weight IS NULL)),
    CHECK (canary_model IS NOT NULL OR shadow_model IS NOT NULL)
);
