-- What was made is found at the same place when its answer is given once more.

ALTER TABLE idempotency_keys ADD COLUMN location text;
