-- A delivery that is retried after its last attempt goes on counting where it stood.
ALTER TABLE webhook_deliveries ADD COLUMN attempts_before smallint NOT NULL DEFAULT 0;
ALTER TABLE webhook_deliveries ADD COLUMN reopened_at timestamptz;
