-- Models, and the trainings that make them.

CREATE TABLE models (
    assistant_id uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    training_id  uuid NOT NULL,
    -- What `engine::artefact` writes; it carries its own checksum.
    artefact     bytea NOT NULL,
    -- That checksum once more: the row and the artefact must name the same model.
    checksum     bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (assistant_id, version)
);
-- Weights are noise to a compressor: do not spend time on trying.
ALTER TABLE models ALTER COLUMN artefact SET STORAGE EXTERNAL;

CREATE TABLE trainings (
    id           uuid PRIMARY KEY,
    assistant_id uuid NOT NULL,
    model        integer NOT NULL CHECK (model > 0),
    status       text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    progress     double precision NOT NULL DEFAULT 0,
    metrics      jsonb,
    error        text,
    -- The attempt that works on it, and when it last said so. An attempt that falls silent has
    -- lost its process, and another may take over.
    attempt      uuid NOT NULL,
    beat_at      timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now()
);
