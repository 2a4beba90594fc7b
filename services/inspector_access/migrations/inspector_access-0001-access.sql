-- Diplomas, subscriptions, inspectors, referents, the switches, and who has looked
-- depends:

-- migrate: apply
CREATE TABLE school (
    uai text PRIMARY KEY,
    version integer NOT NULL, -- of the newest SchoolUpdated
    name text NOT NULL,
    town text,
    email text,
    academie text,
    open boolean NOT NULL,
    unsettled boolean NOT NULL DEFAULT false -- it has closed or moved: those concerned are to be told
);
CREATE INDEX school_of_academie ON school (academie);
CREATE INDEX school_unsettled ON school (uai) WHERE unsettled;

CREATE TABLE diploma (
    code text PRIMARY KEY,
    label text NOT NULL
);

CREATE TABLE mef (
    code text PRIMARY KEY,
    label text, -- as a Nomenclature has it
    diploma text REFERENCES diploma -- the one that it leads to; null: none that is known
);
CREATE INDEX mef_of_diploma ON mef (diploma);

CREATE TABLE subscription (
    uai text NOT NULL REFERENCES school,
    diploma text NOT NULL REFERENCES diploma,
    from_on date NOT NULL,
    until_on date, -- the last day; null: no end
    PRIMARY KEY (uai, diploma)
);

CREATE TABLE inspector (
    id uuid PRIMARY KEY,
    email text NOT NULL, -- in lower case; a person may be inspector in several académies
    academie text NOT NULL,
    name text NOT NULL,
    person uuid, -- who signs in with this address, since the first time
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz, -- last sign-in
    UNIQUE (email, academie)
);
CREATE INDEX inspector_person ON inspector (person) WHERE person IS NOT NULL;

CREATE TABLE referent (
    id uuid PRIMARY KEY,
    inspector uuid NOT NULL REFERENCES inspector,
    diploma text NOT NULL REFERENCES diploma,
    uai text NOT NULL, -- the school; '' for all of the inspector's académie
    from_on date NOT NULL,
    until_on date, -- the last day; null: no end
    UNIQUE (inspector, diploma, uai)
);
CREATE INDEX referent_of_diploma ON referent (diploma);

CREATE TABLE switch (
    uai text NOT NULL,
    diploma text NOT NULL REFERENCES diploma,
    active boolean NOT NULL,
    version integer NOT NULL, -- one more at each event about it
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (uai, diploma)
);
CREATE INDEX switch_on ON switch (uai, diploma) WHERE active;

CREATE TABLE told (
    uai text NOT NULL,
    diploma text NOT NULL,
    inspector uuid NOT NULL REFERENCES inspector ON DELETE CASCADE,
    PRIMARY KEY (uai, diploma, inspector)
);
COMMENT ON TABLE told IS
    'Who has been told that access is open, and not yet that it is closed. What he may do is not '
    'decided by it, but by the switch, the subscription and the referents of the day.';

CREATE TABLE switch_change (
    uai text NOT NULL,
    diploma text NOT NULL,
    version integer NOT NULL,
    active boolean NOT NULL,
    because text NOT NULL CHECK (because IN
        ('switched', 'referent-named', 'referent-removed', 'subscription-ended')),
    recipients integer NOT NULL, -- how many were told
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (uai, diploma, version)
);

CREATE TABLE look (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    uai text NOT NULL,
    diploma text NOT NULL,
    person uuid NOT NULL, -- the inspector
    inspector_name text NOT NULL, -- as it was then: the school reads it for 12 months
    what text NOT NULL CHECK (what IN ('card', 'learners', 'learner', 'counts', 'records', 'record')),
    pupil_id uuid -- null: a list
);
COMMENT ON TABLE look IS 'What inspectors have asked for: kept 12 months.';
CREATE INDEX look_in_school ON look (uai, id);
CREATE INDEX look_by_time ON look USING brin (at);

CREATE TABLE visit (
    person uuid NOT NULL,
    uai text NOT NULL,
    diploma text NOT NULL,
    last_at timestamptz NOT NULL, -- the last look
    previous_at timestamptz, -- the last look of the visit before this one
    PRIMARY KEY (person, uai, diploma)
);

-- migrate: rollback
