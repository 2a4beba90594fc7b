-- Histories are written and read; only what has been kept long enough can be removed
-- depends: inspector_access-0001-access

-- migrate: apply
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON switch_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON switch_change EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON look
    FOR EACH ROW EXECUTE FUNCTION append_only('at', '364 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON look EXECUTE FUNCTION append_only();

-- migrate: rollback
