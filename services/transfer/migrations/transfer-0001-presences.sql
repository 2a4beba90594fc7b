-- Who is where, which schools take part, and the transfers
-- depends:

-- migrate: apply
CREATE TABLE presence (
    pupil_id uuid PRIMARY KEY,
    uai text NOT NULL,
    version integer NOT NULL, -- the highest one received
    stay integer NOT NULL, -- one more at each (re)activation: (pupil_id, stay) once inactive is a departure
    active boolean NOT NULL,
    since timestamptz NOT NULL, -- of the last change of active
    activated timestamptz NOT NULL, -- from when the school knows of this stay (HORODATAGE of the import)
    reason text,
    source text NOT NULL,
    mef text,
    last_year boolean NOT NULL,
    previous_uai text,
    has_birth_date boolean NOT NULL,
    key_version integer NOT NULL,
    changed_at timestamptz NOT NULL -- taken after the lock of the deciding transaction
);
COMMENT ON TABLE presence IS 'The newest state of each learner in a school, without identity.';
CREATE INDEX presence_of_school ON presence (uai);
CREATE INDEX presence_changed ON presence (changed_at);

CREATE TABLE match_key (
    pupil_id uuid NOT NULL REFERENCES presence ON DELETE CASCADE,
    ine_key bytea NOT NULL, -- digest of one INE
    birth_key bytea, -- digest of this INE and the birth date
    family_keys bytea[] NOT NULL, -- digests of this INE with family and usage name
    first_keys bytea[] NOT NULL, -- digest of this INE with the first name
    PRIMARY KEY (pupil_id, ine_key)
);
COMMENT ON TABLE match_key IS 'Digests made by siecle_import; equal ones mean equal values.';
CREATE INDEX match_key_by_ine ON match_key (ine_key);

CREATE TABLE announced_departure (
    pupil_id uuid PRIMARY KEY,
    version integer NOT NULL
);
COMMENT ON TABLE announced_departure IS
    'Learners that ImportApplied named as deactivated: inactive until this version is held.';

CREATE TABLE import_in_force (
    uai text PRIMARY KEY,
    number integer NOT NULL,
    horodatage timestamptz NOT NULL,
    school_year integer NOT NULL,
    source text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE import_in_force IS 'The import with the highest number of each school.';

CREATE TABLE participation (
    uai text PRIMARY KEY,
    active boolean NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE participation IS 'Schools that have set the switch « Transferts » at least once.';

CREATE TABLE participation_change (
    uai text NOT NULL,
    version integer NOT NULL,
    active boolean NOT NULL,
    changed_by text NOT NULL, -- who: the subject of the token
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (uai, version)
);

CREATE TABLE transfer (
    id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('requested', 'closed', 'cancelled')),
    origin_uai text NOT NULL,
    origin_pupil uuid NOT NULL,
    origin_stay integer NOT NULL,
    destination_uai text NOT NULL,
    destination_pupil uuid NOT NULL,
    names_differ boolean NOT NULL, -- same INE and birth date under another name: shown to both schools
    requested_at timestamptz NOT NULL,
    asked_at timestamptz NOT NULL, -- when dossier was last asked
    withdrawn_at timestamptz, -- asked back; dossier says what came first
    answered_at timestamptz,
    refused_because text, -- withdrawn; or returned: a later stay at the origin has begun
    counts jsonb -- what moved, by kind of record
);
CREATE UNIQUE INDEX transfer_of_departure ON transfer (origin_pupil, origin_stay)
    WHERE state IN ('requested', 'closed');
CREATE UNIQUE INDEX transfer_under_way_to ON transfer (destination_pupil) WHERE state = 'requested';
CREATE INDEX transfer_from_pupil ON transfer (origin_pupil, origin_stay);
CREATE INDEX transfer_from_school ON transfer (origin_uai, id);
CREATE INDEX transfer_to_school ON transfer (destination_uai, id);
CREATE INDEX transfer_to_pupil ON transfer (destination_pupil);
CREATE INDEX transfer_unanswered ON transfer (asked_at) WHERE state = 'requested';

CREATE TABLE reconcile (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    decided_until timestamptz NOT NULL
);
COMMENT ON TABLE reconcile IS 'Up to which change the last pass has decided again.';
INSERT INTO reconcile (decided_until) VALUES ('-infinity');

-- migrate: rollback
