-- A job that `worker` refuses stays, with the reason, and holds nothing up: it is offered again after a pause.
ALTER TABLE outbox
    ADD COLUMN version  smallint NOT NULL DEFAULT 1, -- of the payload's form
    ADD COLUMN refusals integer NOT NULL DEFAULT 0,
    ADD COLUMN error    text,
    ADD COLUMN retry_at timestamptz;
