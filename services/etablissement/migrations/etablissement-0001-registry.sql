-- The registry of schools, each with its card, its history, and the public directory
-- depends:

-- migrate: apply
CREATE TABLE school (
    uai text COLLATE "C" PRIMARY KEY, -- this collation lets the index answer « begins with »
    name text NOT NULL DEFAULT '',
    email text,
    address text[] NOT NULL DEFAULT '{}', -- lines, without postcode and town
    postcode text,
    town text,
    academie text, -- in the one spelling of domain/academies.py
    phone text, -- E.164
    nature text,
    head_name text,
    head_function text,
    digest boolean NOT NULL DEFAULT true, -- wants the daily mail about closed transfers
    open boolean NOT NULL DEFAULT true,
    successor text COLLATE "C" REFERENCES school, -- goes on with the learners and rights of a closed one
    own text[] NOT NULL DEFAULT '{}', -- fields that the school has set: the directory leaves them
    name_words text NOT NULL DEFAULT '', -- without case and accents, for the search
    town_words text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    CHECK (successor IS NULL OR NOT open)
);
COMMENT ON TABLE school IS 'Every school that is known, whether it uses the system or not.';
CREATE INDEX school_words ON school USING gin (to_tsvector('simple', name_words || ' ' || town_words));
CREATE INDEX school_of_academie ON school (academie);
CREATE INDEX school_successor ON school (successor) WHERE successor IS NOT NULL;

CREATE TABLE school_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uai text COLLATE "C" NOT NULL REFERENCES school ON DELETE CASCADE,
    version integer NOT NULL, -- of the school after the change
    act text NOT NULL,
    changes jsonb NOT NULL, -- field: [before, after]
    changed_by text NOT NULL, -- the caller's sub, or who has run a command
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE school_change IS 'Who has changed what of a school, and when.';
CREATE INDEX school_change_of_school ON school_change (uai, id);
CREATE INDEX school_change_by_time ON school_change USING brin (changed_at);

CREATE TABLE directory_import (
    id uuid PRIMARY KEY,
    sent_at timestamptz NOT NULL,
    sent_by text NOT NULL,
    state text NOT NULL, -- ready, applied
    counts jsonb NOT NULL,
    refused jsonb NOT NULL, -- the first refused lines, with their reason
    applied_at timestamptz,
    applied_by text
);
COMMENT ON TABLE directory_import IS 'Files of the public directory of schools that were read.';

CREATE TABLE directory_line (
    import_id uuid NOT NULL REFERENCES directory_import ON DELETE CASCADE,
    uai text COLLATE "C" NOT NULL,
    name text NOT NULL,
    email text,
    address text[] NOT NULL,
    postcode text,
    town text,
    academie text,
    phone text,
    nature text,
    name_words text NOT NULL,
    town_words text NOT NULL,
    PRIMARY KEY (import_id, uai)
);
COMMENT ON TABLE directory_line IS 'What a file says, until it is applied or a day old.';

-- migrate: rollback
