-- What people decide: offers by hand, reviews, oppositions, reversals; the schools of the registry
-- depends: transfer-0002-gone

-- migrate: apply
ALTER TABLE transfer
    ALTER COLUMN destination_pupil DROP NOT NULL, -- not known while it is offered
    ADD COLUMN kind text NOT NULL DEFAULT 'automatic'
        CHECK (kind IN ('automatic', 'by-hand', 'reversal')),
    ADD COLUMN reverses uuid, -- of a reversal: the transfer that it takes back
    ADD COLUMN batch uuid, -- of offers: those made by one request
    ADD COLUMN because text, -- why it was reversed, refused by the school or withdrawn by people
    ADD COLUMN part integer NOT NULL DEFAULT 0, -- how often records have followed since
    ADD COLUMN left_behind uuid[] NOT NULL DEFAULT '{}', -- of a reversal: records changed meanwhile
    ADD COLUMN matched_pupil uuid, -- of an offer: whom the rule has found meanwhile
    ADD COLUMN kept_despite uuid, -- of an offer: the match that the origin has set aside
    ADD COLUMN return_asked_at timestamptz,
    ADD COLUMN return_because text,
    DROP CONSTRAINT transfer_state_check,
    ADD CHECK (state IN ('offered', 'requested', 'closed', 'cancelled', 'refused', 'reversed')),
    ADD CHECK (destination_pupil IS NOT NULL OR state NOT IN ('requested', 'closed', 'reversed')),
    ADD CHECK ((kind = 'reversal') = (reverses IS NOT NULL));
DROP INDEX transfer_of_departure;
CREATE UNIQUE INDEX transfer_of_departure ON transfer (origin_pupil, origin_stay)
    WHERE state IN ('offered', 'requested', 'closed') AND kind <> 'reversal';
CREATE INDEX transfer_by_hand_under_way ON transfer (origin_pupil)
    WHERE state = 'requested' AND kind = 'by-hand';
CREATE INDEX transfer_offered_to ON transfer (destination_uai, id) WHERE state = 'offered';
CREATE INDEX transfer_of_batch ON transfer (batch) WHERE batch IS NOT NULL;
CREATE INDEX transfer_reversal_of ON transfer (reverses) WHERE reverses IS NOT NULL;

CREATE TABLE authorisation (
    transfer_id uuid PRIMARY KEY REFERENCES transfer,
    decided_by text NOT NULL, -- who decided for the school: the subject of the token
    decided_at timestamptz NOT NULL,
    collected_from text NOT NULL CHECK (collected_from IN ('apprenant', 'responsable', 'both')),
    collected_on date NOT NULL,
    paper text NOT NULL -- where the school keeps the paper
);
COMMENT ON TABLE authorisation IS 'What was collected for a transfer by hand (guide, situation 2).';

CREATE TABLE opposition (
    pupil_id uuid PRIMARY KEY,
    uai text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE opposition IS 'Learners whose records do not move by themselves: families object.';

CREATE TABLE not_to_transfer (
    one_pupil uuid NOT NULL, -- the lower id of the two
    other_pupil uuid NOT NULL,
    transfer_id uuid NOT NULL, -- the one that was reversed
    since timestamptz NOT NULL,
    PRIMARY KEY (one_pupil, other_pupil)
);
COMMENT ON TABLE not_to_transfer IS 'Pairs between which nothing moves until someone lifts it.';

CREATE TABLE opinion (
    origin_pupil uuid NOT NULL,
    destination_pupil uuid NOT NULL,
    side text NOT NULL CHECK (side IN ('origin', 'destination', 'administrator')),
    same boolean NOT NULL,
    comparison text NOT NULL, -- what was compared when it was given: another one reopens the review
    given_by text NOT NULL,
    given_at timestamptz NOT NULL,
    PRIMARY KEY (origin_pupil, destination_pupil, side)
);
COMMENT ON TABLE opinion IS 'Whether two learners are one person, as each side judges.';

CREATE TABLE act (
    id uuid PRIMARY KEY, -- UUIDv7: in the order of time
    at timestamptz NOT NULL,
    uai text NOT NULL, -- the school for which it was done
    by_whom text NOT NULL, -- the subject of the token
    what text NOT NULL,
    because text,
    transfer_id uuid,
    pupil_id uuid, -- the learner it is about, at the origin if there are two
    other_pupil uuid
);
COMMENT ON TABLE act IS 'What people did: never changed, kept three years.';
CREATE INDEX act_of_transfer ON act (transfer_id) WHERE transfer_id IS NOT NULL;
CREATE INDEX act_of_pupil ON act (pupil_id) WHERE pupil_id IS NOT NULL;
CREATE INDEX act_of_other_pupil ON act (other_pupil) WHERE other_pupil IS NOT NULL;
CREATE INDEX act_at ON act (at);

CREATE TABLE school (
    uai text PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    academie text,
    open boolean NOT NULL,
    successor text,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE school IS 'What SchoolUpdated has told of the schools of the registry.';
CREATE INDEX school_of_academie ON school (academie);

CREATE TABLE merged (
    pupil_id uuid PRIMARY KEY,
    goes_on_as uuid, -- null: the merge was undone
    version integer NOT NULL
);
COMMENT ON TABLE merged IS 'Doubles of one school: what was decided about them holds for whom they go on as.';
CREATE INDEX merged_into ON merged (goes_on_as) WHERE goes_on_as IS NOT NULL;

-- Which versions of the match keys are present, and when the last one of each came: two look-ups.
CREATE INDEX presence_by_key ON presence (key_version, changed_at);

-- migrate: rollback
