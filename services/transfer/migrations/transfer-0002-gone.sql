-- Learners who are no longer: erased, or merged into another
-- depends: transfer-0001-presences

-- migrate: apply
CREATE TABLE gone (
    pupil_id uuid PRIMARY KEY,
    version integer NOT NULL -- nothing up to it counts any more; the highest number: erased
);
COMMENT ON TABLE gone IS 'Learners erased or merged: a late event does not bring them back.';

-- migrate: rollback
