-- How often dossier was asked, reminders of offers, figures, the end of a rotation of keys
-- depends: transfer-0003-people-decide

-- migrate: apply
ALTER TABLE transfer
    ADD COLUMN asked integer NOT NULL DEFAULT 1, -- how often dossier was asked for the answer
    ADD COLUMN reminded_at timestamptz, -- of an offer: when its school was told again
    ADD COLUMN ready_at timestamptz; -- since when both schools have told of the learner
CREATE INDEX transfer_to_remind ON transfer (requested_at)
    WHERE state = 'offered' AND reminded_at IS NULL;
-- The figures of an académie: transfers by their day
CREATE INDEX transfer_closed_at ON transfer (answered_at) WHERE state IN ('closed', 'reversed');

ALTER TABLE reconcile
    ADD COLUMN rotating boolean NOT NULL DEFAULT false; -- keys of two versions were seen last time

-- migrate: rollback
