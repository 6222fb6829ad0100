-- Evaluations, in the same account as trainings. What they found is kept until `api` has it, and a day longer.
CREATE TABLE evaluations (
    id           uuid PRIMARY KEY,
    assistant_id uuid NOT NULL,
    status       text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    progress     double precision NOT NULL DEFAULT 0,
    result       jsonb,
    error        text,
    attempt      uuid NOT NULL,
    beat_at      timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX evaluations_age ON evaluations (beat_at);
