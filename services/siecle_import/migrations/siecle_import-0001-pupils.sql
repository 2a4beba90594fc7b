-- The pupil base and its imports
-- depends:

-- migrate: apply
CREATE TABLE school (
    uai text PRIMARY KEY,
    imports integer NOT NULL DEFAULT 0, -- number of the last applied import
    horodatage timestamptz, -- of the import in force
    school_year integer
);
COMMENT ON TABLE school IS 'One row a school that has sent a file; its lock is the lock of the base.';

CREATE TABLE pupil (
    id uuid PRIMARY KEY, -- random, never used again
    uai text NOT NULL,
    eleve_id text, -- the pupil's key in the base of the académie
    family_name text NOT NULL,
    usage_name text,
    first_name text NOT NULL,
    birth_date date NOT NULL,
    sex text,
    rnie text, -- the INE aliases, by shape
    bea text,
    ina text,
    status text, -- ST scolaire, AP apprenti
    mef text,
    division text,
    previous_uai text, -- last year's school
    entry_date date,
    exit_date date, -- past: has left; future: planned departure
    exit_reason text,
    source text NOT NULL CHECK (source IN ('siecle', 'csv', 'hand')),
    active boolean NOT NULL,
    since timestamptz NOT NULL,
    activated timestamptz NOT NULL,
    reason text, -- why inactive: sorti, inactifs, absent
    stay integer NOT NULL,
    version integer NOT NULL,
    transferred boolean NOT NULL DEFAULT false -- named by a closed transfer
);
CREATE INDEX pupil_of_school ON pupil (uai, family_name, first_name, id);
CREATE INDEX pupil_eleve_id ON pupil (uai, eleve_id);

CREATE TABLE import_run (
    id uuid PRIMARY KEY,
    uai text NOT NULL,
    state text NOT NULL CHECK (state IN
        ('received', 'ready', 'confirmed', 'applied', 'refused', 'failed', 'superseded')),
    file_name text,
    sent_by text NOT NULL,
    received_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0, -- of the step under way: a file that kills the process
    reading text, -- what the file says, until applied
    horodatage timestamptz,
    school_year integer,
    counts jsonb,
    confirmations jsonb, -- what staff must confirm by name
    findings jsonb,
    confirmed_by text,
    number integer, -- among the applied imports of the school
    ended_at timestamptz
);
CREATE INDEX import_run_of_school ON import_run (uai, id);
CREATE UNIQUE INDEX import_run_at_work ON import_run (uai)
    WHERE state IN ('received', 'confirmed');

CREATE TABLE import_chunk (
    import_id uuid NOT NULL REFERENCES import_run ON DELETE CASCADE,
    position integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (import_id, position)
);
COMMENT ON TABLE import_chunk IS 'The file as it was sent, in pieces, until it is read or refused.';
ALTER TABLE import_chunk ALTER COLUMN content SET STORAGE EXTERNAL;

-- migrate: rollback
