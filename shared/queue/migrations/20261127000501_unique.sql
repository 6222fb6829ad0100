-- contract: 20261127000301
-- The same rows are unique as before, by their stage: a release that knows no stage is served by it as well.

DROP INDEX queue_jobs_unique;
CREATE UNIQUE INDEX queue_jobs_unique ON queue_jobs (queue, unique_key)
    WHERE unique_key IS NOT NULL AND stage NOT IN ('failed', 'ended');
