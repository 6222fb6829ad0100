-- Assistants that were deleted not long ago: nothing is opened for them any more, and what was opened at that very moment
-- goes too.
CREATE TABLE forgotten_assistants (
    id uuid PRIMARY KEY,
    forgotten_at timestamptz NOT NULL
);
