-- Jobs that are committed together with the rows that they are about; a relay hands them over to `worker`, so that a
-- crash between the two loses nothing. Of the kit `shared/outbox`, whose queries this is the table of.
CREATE TABLE outbox (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    kind       text NOT NULL,
    -- Of the payload's form.
    version    smallint NOT NULL DEFAULT 1,
    payload    jsonb NOT NULL,
    -- The trace context of the request, so that the job continues its trace.
    trace      jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    -- A job that `worker` refuses stays, with the reason, and holds nothing up: it is offered again after a pause.
    refusals   integer NOT NULL DEFAULT 0,
    error      text,
    retry_at   timestamptz
);
