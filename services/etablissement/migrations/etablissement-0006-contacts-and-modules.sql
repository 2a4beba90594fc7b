-- Contacts for apprentices, and which modules are on
-- depends: etablissement-0005-images

-- migrate: apply
CREATE TABLE setting (
    uai text COLLATE "C" NOT NULL REFERENCES school,
    subject text NOT NULL CHECK (subject IN ('contacts', 'modules')),
    version integer NOT NULL,
    content jsonb NOT NULL, -- of modules: only what differs from the catalogue
    PRIMARY KEY (uai, subject)
);
COMMENT ON TABLE setting IS 'What a school has set, each subject as a whole; no row: nothing yet.';

CREATE TABLE setting_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uai text COLLATE "C" NOT NULL REFERENCES school ON DELETE CASCADE,
    subject text NOT NULL,
    version integer NOT NULL, -- after the change
    fields text[] NOT NULL, -- what has changed, without the values
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE setting_change IS 'Who has changed the settings of a school, and when.';
CREATE INDEX setting_change_of_school ON setting_change (uai, subject, id);
CREATE INDEX setting_change_by_time ON setting_change USING brin (changed_at);

-- migrate: rollback
