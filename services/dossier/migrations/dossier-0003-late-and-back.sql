-- Records that follow later, and records that go back
-- depends: dossier-0002-merged-and-erased

-- migrate: apply
ALTER TABLE record
    ADD COLUMN moved_by uuid[] NOT NULL DEFAULT '{}', -- the transfers that brought it here, oldest first
    ADD COLUMN moved_at integer[] NOT NULL DEFAULT '{}'; -- its version at each of them
ALTER TABLE learner
    ADD COLUMN moved_by uuid; -- the transfer after which moved_to holds the records
UPDATE learner SET moved_by = (SELECT transfer_id FROM move
    WHERE origin_pupil = learner.pupil_id AND origin_stay = learner.moved_stay
        AND outcome = 'transferred' ORDER BY decided_at DESC LIMIT 1)
WHERE moved_to IS NOT NULL;
ALTER TABLE move
    ADD COLUMN reverses uuid, -- the move that this one takes back
    ADD COLUMN reversed boolean NOT NULL DEFAULT false, -- taken back itself
    ADD COLUMN part integer NOT NULL DEFAULT 0, -- how often records have followed since
    ADD COLUMN left_behind uuid[] NOT NULL DEFAULT '{}', -- records changed since the move that was reversed
    DROP CONSTRAINT move_outcome_check,
    ADD CHECK (outcome IN
        ('transferred', 'withdrawn', 'returned', 'merged', 'erased', 'moved-on'));
CREATE INDEX move_from_pupil ON move (origin_pupil) WHERE outcome = 'transferred';

-- migrate: rollback
