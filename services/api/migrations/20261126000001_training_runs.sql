-- A training that has failed can be started anew: how often it was started.
ALTER TABLE trainings ADD COLUMN runs integer NOT NULL DEFAULT 1;
