-- Whose right a line of the history tells of changes once, and what it was before stays
-- depends: etablissement-0009-histories-stay

-- migrate: apply
ALTER TABLE right_change ADD COLUMN invited uuid;
COMMENT ON COLUMN right_change.invited IS
    'The invitation that the right was given to, once it has become that of a person.';
CREATE FUNCTION joined_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.invited IS NOT NULL OR NOT EXISTS (
        SELECT FROM person i, person p
        WHERE i.id = OLD.person AND i.account IS NULL AND p.id = NEW.person AND p.account IS NOT NULL
    ) THEN
        RAISE EXCEPTION '% keeps whose right it was: % refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.invited := OLD.person;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION joined_once IS
    'Trigger: the person of a line is replaced once, an invitation by who has proved its address.';
CREATE TRIGGER joined_once BEFORE UPDATE OF person ON right_change
    FOR EACH ROW EXECUTE FUNCTION joined_once();
DROP TRIGGER append_only ON right_change;
CREATE TRIGGER append_only BEFORE UPDATE OF
    id, right_id, role, uai, academie, act, valid_from, valid_until, changed_by, changed_at, invited
    OR DELETE ON right_change
    FOR EACH ROW EXECUTE FUNCTION append_only('changed_at', '1094 days');

-- migrate: rollback
