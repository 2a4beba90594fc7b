-- Persons of schools and administrations, and their rights
-- depends: etablissement-0001-registry

-- migrate: apply
CREATE TABLE person (
    id uuid PRIMARY KEY,
    account uuid UNIQUE, -- made by the gateway of issuer and subject; null until the first sign-in
    email text NOT NULL UNIQUE, -- normalised; to whom one writes, and whom an invitation waits for
    name text NOT NULL DEFAULT '',
    function text NOT NULL DEFAULT '',
    invited_at timestamptz NOT NULL,
    last_visit timestamptz
);
COMMENT ON TABLE person IS 'Staff and administrators; erased 12 months after the last visit.';
CREATE INDEX person_by_visit ON person ((coalesce(last_visit, invited_at)));

CREATE TABLE held_right (
    id uuid PRIMARY KEY,
    person uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    role text NOT NULL,
    uai text COLLATE "C" REFERENCES school,
    academie text, -- its name, or * for all of them
    valid_from timestamptz NOT NULL,
    valid_until timestamptz, -- excluded; null: until someone ends it
    given_by text NOT NULL,
    given_at timestamptz NOT NULL,
    CHECK ((uai IS NULL) <> (academie IS NULL))
);
COMMENT ON TABLE held_right IS 'What a person is, where, and from when to when.';
CREATE INDEX held_right_of_person ON held_right (person);
CREATE INDEX held_right_at_school ON held_right (uai) WHERE uai IS NOT NULL;
CREATE INDEX held_right_in_academie ON held_right (academie) WHERE academie IS NOT NULL;

CREATE TABLE right_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    right_id uuid NOT NULL,
    person uuid NOT NULL, -- outlives the person: a trace without name
    role text NOT NULL,
    uai text COLLATE "C",
    academie text,
    act text NOT NULL, -- given, ended, erased
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE right_change IS 'Who was given or has lost which right; kept 3 years.';
CREATE INDEX right_change_of_school ON right_change (uai, id);
CREATE INDEX right_change_by_time ON right_change USING brin (changed_at);

-- migrate: rollback
