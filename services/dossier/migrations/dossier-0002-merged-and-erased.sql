-- Learners who were merged, and learners who were erased
-- depends: dossier-0001-records

-- migrate: apply
ALTER TABLE learner
    ADD COLUMN merged_into uuid, -- who he goes on as; his records stay under his own id
    ADD COLUMN merge_version integer NOT NULL DEFAULT 0; -- of the newest merge or its undoing
CREATE INDEX learner_merged ON learner (merged_into) WHERE merged_into IS NOT NULL;
ALTER TABLE move
    DROP CONSTRAINT move_outcome_check,
    ADD CHECK (outcome IN ('transferred', 'withdrawn', 'returned', 'merged', 'erased'));

CREATE TABLE erased (
    pupil_id uuid PRIMARY KEY
);
COMMENT ON TABLE erased IS 'Learners who were erased: a late event or request does not bring them back.';

-- migrate: rollback
