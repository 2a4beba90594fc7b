-- Logo and cachet of schools
-- depends: etablissement-0002-persons

-- migrate: apply
CREATE TABLE image (
    uai text COLLATE "C" NOT NULL REFERENCES school,
    kind text NOT NULL CHECK (kind IN ('logo', 'cachet')),
    digest bytea NOT NULL, -- SHA-256 of png
    width integer NOT NULL, -- pixels
    height integer NOT NULL,
    png bytea NOT NULL,
    thumbnail bytea NOT NULL, -- PNG as well
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (uai, kind)
);
COMMENT ON TABLE image IS 'Decoded and encoded anew: nothing of the file that was sent is kept.';
-- PNG is compressed already
ALTER TABLE image ALTER COLUMN png SET STORAGE EXTERNAL, ALTER COLUMN thumbnail SET STORAGE EXTERNAL;

CREATE TABLE image_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uai text COLLATE "C" NOT NULL REFERENCES school ON DELETE CASCADE,
    kind text NOT NULL,
    act text NOT NULL CHECK (act IN ('added', 'replaced', 'deleted')),
    digest bytea NOT NULL, -- of the image added or deleted; its bytes are not kept
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE image_change IS 'Who has changed the logo and the cachet of a school, and when.';
CREATE INDEX image_change_of_school ON image_change (uai, kind, id);
CREATE INDEX image_change_by_time ON image_change USING brin (changed_at);

-- migrate: rollback
