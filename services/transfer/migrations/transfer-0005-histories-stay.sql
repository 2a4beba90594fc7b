-- Histories are written and read; only what is older than three years can be removed
-- depends: transfer-0004-figures-and-reminders

-- migrate: apply
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON act
    FOR EACH ROW EXECUTE FUNCTION append_only('at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON act EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON participation_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON participation_change EXECUTE FUNCTION append_only();

-- migrate: rollback
