-- A revision may be an earlier one once more: which.
ALTER TABLE training_data ADD COLUMN restored_from integer;
