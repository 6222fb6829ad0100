-- The job that does it, by which it can be cancelled; the releases before keep none.
ALTER TABLE trainings ADD COLUMN job_id uuid;
ALTER TABLE evaluations ADD COLUMN job_id uuid;
