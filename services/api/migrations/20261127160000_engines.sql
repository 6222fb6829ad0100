-- Who understands what is said to an assistant, in the order in which they are asked.
ALTER TABLE assistants ADD COLUMN engines jsonb NOT NULL DEFAULT '[{"kind": "ml"}]';
