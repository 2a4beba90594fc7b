-- The schools of a move, told to a transfer that was restored even when a learner was erased since
-- depends: dossier-0006-histories-stay

-- migrate: apply
ALTER TABLE move
    ADD COLUMN origin_uai text, -- null in moves of before this column
    ADD COLUMN destination_uai text;

-- migrate: rollback
