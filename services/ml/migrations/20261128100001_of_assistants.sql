-- Finds the trainings of an assistant that was deleted.
CREATE INDEX trainings_of_assistant ON trainings (assistant_id);
