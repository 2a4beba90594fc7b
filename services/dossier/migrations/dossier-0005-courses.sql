-- The course that a learner follows: inspectors see the records of one diploma
-- depends: dossier-0003-late-and-back

-- migrate: apply
ALTER TABLE learner ADD COLUMN mef text; -- null: none, or not told of since this version

-- migrate: rollback
