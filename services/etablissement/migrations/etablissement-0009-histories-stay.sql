-- Histories are written and read; only what is older than three years can be removed
-- depends: etablissement-0008-setting-up

-- migrate: apply
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON school_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON school_change EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON image_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON image_change EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON setting_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON setting_change EXECUTE FUNCTION append_only();
-- Whose right it was may change: an invitation becomes that of the person who has proved its address.
CREATE TRIGGER append_only BEFORE UPDATE OF
    right_id, role, uai, academie, act, valid_from, valid_until, changed_by, changed_at
    OR DELETE ON right_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON right_change EXECUTE FUNCTION append_only();

-- migrate: rollback
