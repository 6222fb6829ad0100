-- How an assistant understands, as a person has set it: what is absent is as the release has it.
ALTER TABLE assistants ADD COLUMN understanding jsonb NOT NULL DEFAULT '{}';
