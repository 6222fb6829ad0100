-- Finds the trainings of assistants that were deleted, which go when they are a minute old.
CREATE INDEX trainings_forgotten ON trainings (beat_at) WHERE error = 'The assistant was deleted.';
