-- Attachments of records, remarks of schools, and who has looked
-- depends: dossier-0002-merged-and-erased

-- migrate: apply
CREATE TABLE attachment (
    id uuid PRIMARY KEY,
    record_id uuid NOT NULL REFERENCES record ON DELETE CASCADE,
    name text NOT NULL, -- of the file; may hold a learner's name
    media_type text NOT NULL,
    size integer NOT NULL, -- bytes
    digest bytea NOT NULL, -- SHA-256 of the content
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX attachment_of_record ON attachment (record_id, id);

CREATE TABLE attachment_content (
    attachment_id uuid PRIMARY KEY REFERENCES attachment ON DELETE CASCADE,
    data bytea NOT NULL
);
COMMENT ON TABLE attachment_content IS 'Apart, so that lists never read it.';
-- PDF and images are compressed already
ALTER TABLE attachment_content ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE remark (
    id uuid PRIMARY KEY,
    pupil_id uuid NOT NULL REFERENCES learner ON DELETE CASCADE,
    uai text NOT NULL, -- the school that wrote it: no other one sees it
    transfer_id uuid, -- the transfer it is about, if any
    text text NOT NULL,
    author text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX remark_on_learner ON remark (pupil_id, id);

CREATE TABLE look (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    pupil_id uuid NOT NULL, -- no foreign key: a look must not wait for a move that locks the learner
    uai text NOT NULL, -- the school through which was looked
    viewer text NOT NULL,
    what text NOT NULL CHECK (what IN ('list', 'record', 'search', 'attachment', 'export'))
);
COMMENT ON TABLE look IS 'Who has seen records of a learner: kept 12 months.';
CREATE INDEX look_at_learner ON look (pupil_id, id);
CREATE INDEX look_by_time ON look USING brin (at);

-- For the search: by school, then by what is in the index, without reading the records
DROP INDEX record_of_learner;
CREATE INDEX record_of_learner ON record (pupil_id, id)
    INCLUDE (kind, written_on, diploma, origin_uai);
CREATE INDEX learner_of_school ON learner (uai) WHERE merged_into IS NULL;

-- migrate: rollback
