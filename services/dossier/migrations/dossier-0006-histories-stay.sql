-- Looks are erased with the learner; until then they are not changed
-- depends: dossier-0005-courses

-- migrate: apply
CREATE TRIGGER append_only BEFORE UPDATE ON look
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON look EXECUTE FUNCTION append_only();

-- migrate: rollback
