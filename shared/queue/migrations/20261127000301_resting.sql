-- Counting what rests, of one account or of all, from the index alone. What runs through is in none of these states.

CREATE INDEX queue_jobs_resting ON queue_jobs (account_id, queue, state) WHERE state IN ('waiting', 'scheduled', 'failed');
