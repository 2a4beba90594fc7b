-- Learners whom a restore has lost, until an import brings them again
-- depends: siecle_import-0004-histories-stay

-- migrate: apply
CREATE TABLE lost_learner (
    pupil_id uuid PRIMARY KEY,
    uai text NOT NULL,
    version integer NOT NULL, -- told last
    stay integer NOT NULL,
    active boolean NOT NULL,
    ine_keys bytea[] NOT NULL, -- under the secret in use when this was learnt
    key_version integer NOT NULL
);
COMMENT ON TABLE lost_learner IS
    'Whom transfer knows and a restored base does not: who is imported with an equal key gets his id.';
CREATE INDEX lost_learner_of_school ON lost_learner (uai);

-- migrate: rollback
