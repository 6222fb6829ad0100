-- How well assistants understand: measured by a cross-validation, or on a set that came along.

CREATE TABLE evaluations (
    id                    uuid PRIMARY KEY,
    assistant_id          uuid NOT NULL REFERENCES assistants ON DELETE CASCADE,
    -- A cross-validation has folds and a revision of the data; else there is a model and a set.
    folds                 integer,
    training_data_version integer,
    model_version         integer,
    -- The set that came along; it goes some time after the end.
    data                  jsonb,
    status                text NOT NULL
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    progress              double precision NOT NULL DEFAULT 0,
    -- The figures of the result once more: lists do without the rest.
    summary               jsonb,
    result                jsonb,
    error                 text,
    created_by            uuid NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    finished_at           timestamptz,
    CHECK ((folds IS NULL) = (training_data_version IS NULL)),
    CHECK ((folds IS NULL) <> (model_version IS NULL))
);
CREATE INDEX evaluations_page ON evaluations (assistant_id, created_at DESC, id DESC);
CREATE INDEX evaluations_with_data ON evaluations (finished_at) WHERE data IS NOT NULL;
-- One evaluation of an assistant at a time.
CREATE UNIQUE INDEX evaluations_one_at_a_time ON evaluations (assistant_id)
    WHERE status IN ('queued', 'running');
