-- Histories are written and read; only what is older than three years can be removed
-- depends: siecle_import-0003-closed-shown-erased

-- migrate: apply
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON erasure
    FOR EACH ROW EXECUTE FUNCTION append_only('at', '1094 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON erasure EXECUTE FUNCTION append_only();
-- Looks are erased with the learner; until then they are not changed.
CREATE TRIGGER append_only BEFORE UPDATE ON look
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON look EXECUTE FUNCTION append_only();

-- migrate: rollback
