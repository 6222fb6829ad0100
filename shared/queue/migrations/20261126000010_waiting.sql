-- Counting what waits for other jobs, without reading what has ended.

CREATE INDEX queue_jobs_waiting ON queue_jobs (queue) WHERE state = 'waiting';
