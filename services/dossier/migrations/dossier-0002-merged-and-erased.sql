-- Learners who were merged, and learners who were erased
-- depends: dossier-0001-records

-- migrate: apply
ALTER TABLE learner
    ADD COLUMN merged_into uuid, -- who he goes on as
    ADD COLUMN merge_version integer NOT NULL DEFAULT 0; -- of the newest merge or its undoing
ALTER TABLE record
    ADD COLUMN merged_from uuid[] NOT NULL DEFAULT '{}'; -- whose it was before each merge, the last at the end
CREATE INDEX record_merged ON record USING gin (merged_from) WHERE merged_from <> '{}';
ALTER TABLE move
    DROP CONSTRAINT move_outcome_check,
    ADD CHECK (outcome IN ('transferred', 'withdrawn', 'returned', 'erased'));

CREATE TABLE erased (
    pupil_id uuid PRIMARY KEY
);
COMMENT ON TABLE erased IS 'Learners who were erased: a late event or request does not bring them back.';

-- migrate: rollback
