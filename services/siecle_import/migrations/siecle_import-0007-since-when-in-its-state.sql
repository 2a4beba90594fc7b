-- Since when an import has been in its state: how long one has been worked on
-- depends: siecle_import-0006-traces

-- migrate: apply
ALTER TABLE import_run ADD COLUMN entered_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN import_run.entered_at IS 'When it came into its state, by the clock of the database.';

-- migrate: rollback
