-- The history keeps no values that may tell of a person; whoever is invited again is not forgotten
-- depends: etablissement-0006-contacts-and-modules

-- migrate: apply
UPDATE school_change SET changes = changes || (
    SELECT jsonb_object_agg(key, NULL) FROM jsonb_object_keys(changes) AS key
    WHERE key IN ('email', 'phone', 'head_name', 'head_function')
)
WHERE changes ?| ARRAY['email', 'phone', 'head_name', 'head_function'];
COMMENT ON COLUMN school_change.changes IS 'field: [before, after], or null where they may tell of a person';

CREATE INDEX person_by_last_sign ON person ((greatest(last_visit, invited_at)));
DROP INDEX person_by_visit;

-- migrate: rollback
