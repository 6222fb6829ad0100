-- By which two evaluations are known to have asked the same set; the releases before keep none.
ALTER TABLE evaluations ADD COLUMN set_digest text;
