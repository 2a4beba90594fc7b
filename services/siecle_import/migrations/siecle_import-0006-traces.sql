-- The trace of the request that brought a file goes on when it is read and applied
-- depends: siecle_import-0005-lost-learners

-- migrate: apply
ALTER TABLE import_run ADD COLUMN traceparent text;
COMMENT ON COLUMN import_run.traceparent IS 'W3C trace context of the request that brought the file.';

-- migrate: rollback
