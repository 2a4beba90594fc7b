-- The traces of what a mail tells of go on to its sending
-- depends: notifier-0002-histories-stay

-- migrate: apply
ALTER TABLE mail ADD COLUMN traceparents text[];
COMMENT ON COLUMN mail.traceparents IS 'W3C trace contexts of the events that it tells of.';
ALTER TABLE unaddressed ADD COLUMN traceparents text[];
ALTER TABLE digest_entry ADD COLUMN traceparent text;

-- migrate: rollback
