-- Where a session began and where it was used last, as the brake on guessing counts addresses; null of one of a release before.
ALTER TABLE sessions ADD COLUMN first_network text;
ALTER TABLE sessions ADD COLUMN network text;
