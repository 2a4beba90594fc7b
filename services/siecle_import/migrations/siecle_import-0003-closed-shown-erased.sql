-- Closed schools, looks at learners, erasures and their trace
-- depends: siecle_import-0002-imports-in-full

-- migrate: apply
CREATE TABLE registered_school (
    uai text PRIMARY KEY,
    version integer NOT NULL, -- of the registry: the highest one received
    name text NOT NULL,
    open boolean NOT NULL,
    successor text, -- who goes on with the learners of a closed school
    to_close boolean NOT NULL -- closed, and its learners are still to be deactivated
);
COMMENT ON TABLE registered_school IS 'The schools that the registry has told of.';
CREATE INDEX registered_school_to_close ON registered_school (uai) WHERE to_close;

CREATE TABLE look (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    pupil_id uuid NOT NULL,
    uai text NOT NULL, -- the school through which was looked
    viewer text NOT NULL,
    what text NOT NULL CHECK (what IN ('page', 'identity', 'suggest', 'create', 'export'))
);
COMMENT ON TABLE look IS 'Who has seen the identity of a learner: kept 12 months.';
CREATE INDEX look_at_pupil ON look (pupil_id, id);
CREATE INDEX look_by_time ON look USING brin (at);

CREATE TABLE erasure (
    pupil_id uuid PRIMARY KEY,
    uai text NOT NULL,
    at timestamptz NOT NULL,
    by_whom text NOT NULL, -- a person, operations, or the service itself
    reason text NOT NULL
);
COMMENT ON TABLE erasure IS 'Who was erased, without identity: kept 3 years, replayed after a restore.';
CREATE INDEX erasure_of_school ON erasure (uai);

CREATE INDEX pupil_rnie ON pupil (rnie) WHERE rnie IS NOT NULL;
CREATE INDEX pupil_bea ON pupil (bea) WHERE bea IS NOT NULL;
CREATE INDEX pupil_ina ON pupil (ina) WHERE ina IS NOT NULL;
CREATE INDEX pupil_inactive ON pupil (since, id) WHERE NOT active AND merged_into IS NULL;
COMMENT ON COLUMN pupil.reason IS
    'Why inactive: sorti, inactifs, absent, saisie, ferme, fusionne, annule.';

-- migrate: rollback
