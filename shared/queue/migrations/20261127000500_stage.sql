-- What the indexes of a job go by changes less often than its state: from `sent` to `running`, PostgreSQL writes a row
-- and no index (HOT), if its page has room. And no statement that looks for jobs by their ids is led through an index
-- of all that are out.

ALTER TABLE queue_jobs ADD COLUMN stage text NOT NULL GENERATED ALWAYS AS
    (CASE WHEN state IN ('sent', 'running') THEN 'out' WHEN state IN ('succeeded', 'cancelled') THEN 'ended' ELSE state END)
    STORED;
ALTER TABLE queue_jobs SET (fillfactor = 60);

DROP INDEX queue_jobs_queued;
DROP INDEX queue_jobs_out;
DROP INDEX queue_jobs_due;
DROP INDEX queue_jobs_failed;
DROP INDEX queue_jobs_of_account;
DROP INDEX queue_jobs_waiting;
DROP INDEX queue_jobs_resting;

-- What is to be sent next, account by account.
CREATE INDEX queue_jobs_queued ON queue_jobs (queue, account_id, priority, id) WHERE stage = 'queued';
-- What was sent and has not ended.
CREATE INDEX queue_jobs_out ON queue_jobs (queue, account_id) WHERE stage = 'out';
CREATE INDEX queue_jobs_due ON queue_jobs (not_before) WHERE stage = 'scheduled';
-- Counting what rests, of one account or of all, from the index alone. What runs through is in none of these stages.
CREATE INDEX queue_jobs_resting ON queue_jobs (account_id, queue, stage) WHERE stage IN ('waiting', 'scheduled', 'failed');
-- The platform's own jobs are nobody's list.
CREATE INDEX queue_jobs_of_account ON queue_jobs (account_id, id) WHERE account_id <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX queue_jobs_failed ON queue_jobs (queue, id) WHERE stage = 'failed';
