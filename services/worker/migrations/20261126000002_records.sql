-- Takes the records of ended jobs over into the queue's own. What runs, or is to run, comes over when its message
-- arrives. The table `jobs` stays for the release before this one, which may have to be put back.
INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, state, payload, trace, not_before, attempts,
                        max_attempts, progress, error, trace_id, enqueued_at, started_at, finished_at)
SELECT id, 'trainings', kind, 1, coalesce(account_id, '00000000-0000-0000-0000-000000000000'), 1, status, '', '{}',
       enqueued_at, attempts, attempts, progress, error, trace_id, enqueued_at, started_at, finished_at
FROM jobs WHERE status IN ('succeeded', 'failed')
ON CONFLICT DO NOTHING;
