-- Records, the learners who hold them, and the answers to transfers
-- depends:

-- migrate: apply
CREATE TABLE learner (
    pupil_id uuid PRIMARY KEY,
    uai text NOT NULL,
    version integer NOT NULL, -- of the newest event; 0 while only a transfer request has named him
    stay integer NOT NULL,
    active boolean NOT NULL,
    moved_to uuid, -- who received the records at the last move, until a later stay begins here
    moved_stay integer -- the stay after which they moved
);
COMMENT ON TABLE learner IS 'Who can hold records. Locked by writers (share) and moves (update).';

CREATE TABLE record (
    id uuid PRIMARY KEY,
    pupil_id uuid NOT NULL REFERENCES learner, -- the holder
    kind text NOT NULL CHECK (kind IN ('bilan', 'fiche', 'evaluation')),
    title text NOT NULL,
    diploma text,
    body jsonb NOT NULL,
    author text NOT NULL, -- as the writing module names the person
    origin_uai text NOT NULL, -- the school it was written in
    written_on date NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX record_of_learner ON record (pupil_id, id);

CREATE TABLE move (
    transfer_id uuid PRIMARY KEY,
    outcome text NOT NULL CHECK (outcome IN ('transferred', 'withdrawn', 'returned')),
    origin_pupil uuid,
    origin_stay integer,
    destination_pupil uuid,
    counts jsonb,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE move IS
    'The one decision about each transfer id; a withdrawal is kept even if it came before its request.';

-- migrate: rollback
