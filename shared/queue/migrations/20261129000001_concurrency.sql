-- How many jobs of one queue a worker runs at a time; a worker of a release before this one does not say.

ALTER TABLE queue_workers ADD COLUMN concurrency integer CHECK (concurrency > 0);
