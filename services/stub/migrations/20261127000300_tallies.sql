-- What an account's notes come to; the job `tally` counts each note once.
CREATE TABLE tallies (
    account_id uuid PRIMARY KEY,
    notes bigint NOT NULL,
    words bigint NOT NULL
);

-- The notes that are there already were created without a job.
INSERT INTO tallies (account_id, notes, words)
SELECT account_id, count(*), sum(cardinality(regexp_split_to_array(trim(text), '\s+'))) FROM notes GROUP BY account_id;
