-- The record of every job: how far it is and how it ended.
CREATE TABLE jobs (
    id uuid PRIMARY KEY, -- the job's id in the queue, UUIDv7: sorts by age
    account_id uuid, -- null for jobs of the platform itself
    kind text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'retrying', 'succeeded', 'failed')),
    progress double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    attempts integer NOT NULL,
    error text,
    trace_id text,
    enqueued_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE INDEX jobs_of_account ON jobs (account_id, id DESC);
-- Finds the records that have been kept long enough.
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
