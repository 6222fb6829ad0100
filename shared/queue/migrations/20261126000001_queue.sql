-- The record of truth of a queue: every job from its enqueuing to its end. A service that has a queue of its own links
-- this file into its own migrations.

CREATE TABLE queue_jobs (
    id               uuid PRIMARY KEY,              -- UUIDv7: sorts by age
    queue            text NOT NULL,
    kind             text NOT NULL,
    version          smallint NOT NULL,             -- of the payload's form
    account_id       uuid NOT NULL,                 -- nil for jobs of the platform itself; fairness is between accounts
    priority         smallint NOT NULL CHECK (priority BETWEEN 0 AND 2),  -- 0 is first
    state            text NOT NULL CHECK (state IN
        ('waiting', 'scheduled', 'queued', 'sent', 'running', 'succeeded', 'failed', 'cancelled')),
    payload          bytea NOT NULL,
    trace            jsonb NOT NULL,                -- W3C headers of who enqueued it
    unique_key       text,
    not_before       timestamptz NOT NULL,
    waits_for        integer NOT NULL DEFAULT 0,    -- jobs that must succeed first
    flow_id          uuid,                          -- jobs of one chain, group or chord
    schedule         text,                          -- by which it was enqueued
    sends            integer NOT NULL DEFAULT 0,    -- to the broker; a copy of an earlier one is stale
    sent_at          timestamptz,
    attempts         smallint NOT NULL DEFAULT 0,   -- also the fence: who does not know it has lost the job
    max_attempts     smallint NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    progress         double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    error            text,
    dead_reason      text,
    result           jsonb,
    trace_id         text,                          -- in which it ran last
    worker           text,
    enqueued_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    finished_at      timestamptz
);

-- What is to be sent next, account by account.
CREATE INDEX queue_jobs_queued ON queue_jobs (queue, account_id, priority, id) WHERE state = 'queued';
-- What was sent and has not ended.
CREATE INDEX queue_jobs_out ON queue_jobs (queue, account_id) WHERE state IN ('sent', 'running');
CREATE INDEX queue_jobs_due ON queue_jobs (not_before) WHERE state = 'scheduled';
CREATE UNIQUE INDEX queue_jobs_unique ON queue_jobs (queue, unique_key)
    WHERE unique_key IS NOT NULL AND state NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX queue_jobs_of_account ON queue_jobs (account_id, id DESC);
CREATE INDEX queue_jobs_ended ON queue_jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX queue_jobs_failed ON queue_jobs (queue, id) WHERE state = 'failed';
CREATE INDEX queue_jobs_of_flow ON queue_jobs (flow_id) WHERE flow_id IS NOT NULL;

-- Attempts that did not succeed: the one that did stands in the job.
CREATE TABLE queue_attempts (
    job_id     uuid NOT NULL REFERENCES queue_jobs ON DELETE CASCADE,
    attempt    smallint NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('retried', 'failed', 'cancelled', 'released', 'lost')),
    error      text,
    worker     text,
    started_at timestamptz,
    ended_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, attempt)
);

-- `after` runs when all that stand before it have succeeded.
CREATE TABLE queue_edges (
    before_id uuid NOT NULL REFERENCES queue_jobs ON DELETE CASCADE,
    after_id  uuid NOT NULL REFERENCES queue_jobs ON DELETE CASCADE,
    PRIMARY KEY (before_id, after_id)
);
CREATE INDEX queue_edges_after ON queue_edges (after_id);

-- What holds for a queue as a whole. One without a row has no limits and runs.
CREATE TABLE queue_settings (
    queue       text PRIMARY KEY,
    paused_at   timestamptz,
    max_running integer CHECK (max_running > 0),
    rate_jobs   integer CHECK (rate_jobs > 0),      -- at most so many are started ...
    rate_period interval CHECK (rate_period > interval '0'),  -- ... in this time
    rate_next   timestamptz,                        -- when the next one may start, by GCRA
    CHECK ((rate_jobs IS NULL) = (rate_period IS NULL))
);

CREATE TABLE queue_schedules (
    name         text PRIMARY KEY,
    account_id   uuid NOT NULL,
    cron         text NOT NULL,                     -- five fields, or six with seconds first
    time_zone    text NOT NULL,                     -- of the IANA database
    missed       text NOT NULL CHECK (missed IN ('skip', 'once', 'all')),
    queue        text NOT NULL,
    kind         text NOT NULL,
    version      smallint NOT NULL,
    payload      bytea NOT NULL,
    max_attempts smallint NOT NULL,
    is_enabled   boolean NOT NULL DEFAULT true,
    next_at      timestamptz NOT NULL,
    last_at      timestamptz,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX queue_schedules_due ON queue_schedules (next_at) WHERE is_enabled;

-- The processes that work on jobs, and when each was last heard of.
CREATE TABLE queue_workers (
    name       text PRIMARY KEY,
    queues     text[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What was marked as sent and may not have reached the broker; empty but for moments.
CREATE TABLE queue_dispatches (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    jobs  uuid[] NOT NULL
);

-- A mark on the broker that has what was sent. One without it gets everything again.
CREATE TABLE queue_broker (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    mark    text NOT NULL
);

-- Jobs whose effects are in this database already, for who works on jobs of another one.
CREATE TABLE queue_inbox (
    consumer text NOT NULL,
    job_id   uuid NOT NULL,
    done_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, job_id)
);
CREATE INDEX queue_inbox_done ON queue_inbox (done_at);
