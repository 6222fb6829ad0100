-- A training that has failed is worked on again if it was started anew since: the start that was worked on last.
ALTER TABLE trainings ADD COLUMN run integer NOT NULL DEFAULT 1;
