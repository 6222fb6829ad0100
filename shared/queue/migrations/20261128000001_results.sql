-- What ended jobs have given is looked for each minute, and most have given nothing.

CREATE INDEX queue_jobs_results ON queue_jobs (finished_at) WHERE result IS NOT NULL;
