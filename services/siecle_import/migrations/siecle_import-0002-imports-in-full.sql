-- Previews, undoing, merging, and what other imports need
-- depends: siecle_import-0001-pupils

-- migrate: apply
ALTER TABLE school
    ADD COLUMN source text NOT NULL DEFAULT 'siecle', -- of the import in force
    ADD COLUMN apply_at_once boolean NOT NULL DEFAULT false, -- when nothing needs a confirmation
    ADD COLUMN settings_version integer NOT NULL DEFAULT 0;

ALTER TABLE pupil
    ADD COLUMN folded text NOT NULL DEFAULT '', -- family, usage and first name, to search and sort by
    ADD COLUMN merged_into uuid, -- who he goes on as, if he was entered twice
    ADD COLUMN stay_floor integer NOT NULL DEFAULT 0, -- later stays count from above it (after a restore)
    DROP COLUMN transferred;
CREATE FUNCTION pg_temp.fold(name text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(normalize(replace(replace(lower(name), 'œ', 'oe'), 'æ', 'ae'), NFKD),
        '[^a-z0-9]', '', 'g')
$$;
UPDATE pupil SET folded = concat_ws(' ', pg_temp.fold(family_name), pg_temp.fold(usage_name),
    pg_temp.fold(first_name));
CREATE INDEX pupil_by_name ON pupil (uai, folded, id);
CREATE INDEX pupil_merged ON pupil (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX pupil_undone ON pupil (since) WHERE reason = 'annule' AND NOT active;
COMMENT ON COLUMN pupil.reason IS
    'Why inactive: sorti, inactifs, absent, saisie, fusionne, annule.';
DROP INDEX pupil_of_school;

CREATE TABLE pupil_transfer (
    transfer_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    other_uai text NOT NULL,
    after_import integer NOT NULL, -- number of the school's last import when this was learnt
    PRIMARY KEY (pupil_id, transfer_id)
);
COMMENT ON TABLE pupil_transfer IS 'Closed transfers by learner: an undo leaves him as he is.';

ALTER TABLE import_run
    DROP CONSTRAINT import_run_state_check,
    ADD CHECK (state IN ('received', 'ready', 'confirmed', 'applied', 'seen', 'refused', 'failed',
        'cancelled', 'superseded', 'undone')),
    ALTER COLUMN reading TYPE bytea USING convert_to(reading, 'UTF8'),
    ADD COLUMN kind text, -- of the file: eleves, csv, nomenclature, …
    ADD COLUMN sha256 text, -- of the unzipped XML, or of the CSV
    ADD COLUMN same_as uuid, -- seen: the import that had the same content
    ADD COLUMN progress smallint NOT NULL DEFAULT 0, -- percent of the file that is read
    ADD COLUMN consent jsonb, -- what was confirmed, whom staff left out of the deactivations
    ADD COLUMN ended_by text; -- who cancelled or undid it
UPDATE import_run SET findings = NULL, confirmations = NULL; -- they were kept in another form
COMMENT ON COLUMN import_run.findings IS 'Grouped: level, code, count, the first messages.';
COMMENT ON COLUMN import_run.confirmations IS 'What staff must confirm: code, number to type, message.';

CREATE TABLE import_finding (
    import_id uuid NOT NULL,
    position integer NOT NULL,
    level text NOT NULL,
    code text NOT NULL,
    pupil text, -- ELEVE_ID
    name text,
    ine text,
    value text,
    line integer,
    message text NOT NULL,
    PRIMARY KEY (import_id, position)
);
COMMENT ON TABLE import_finding IS 'All that was said about a file, for the report.';

CREATE TABLE import_entry (
    import_id uuid NOT NULL,
    list text NOT NULL, -- created, updated, reactivated, deactivated, planned, ...
    position integer NOT NULL,
    pupil_id uuid, -- null while the learner is only in the preview, or not in the base
    shown jsonb NOT NULL, -- what staff read: who, why, field by field
    before jsonb, -- former values of the fields that the import changes of a learner, for its undoing
    version integer, -- of the learner after the import
    PRIMARY KEY (import_id, list, position)
);
COMMENT ON TABLE import_entry IS 'The list behind each count of an import: its preview, then what it did.';

CREATE TABLE merge (
    id uuid PRIMARY KEY,
    uai text NOT NULL,
    survivor uuid NOT NULL,
    merged uuid NOT NULL,
    reason text NOT NULL,
    survivor_before jsonb, -- both cards, until it can no longer be undone
    merged_before jsonb,
    merged_by text NOT NULL,
    merged_at timestamptz NOT NULL,
    after_import integer NOT NULL, -- number of the school's last import then
    undone_by text,
    undone_at timestamptz
);
CREATE INDEX merge_of_school ON merge (uai, id);

CREATE TABLE republication (
    id uuid PRIMARY KEY,
    restored boolean NOT NULL,
    key_version integer NOT NULL,
    after text, -- UAI of the last school that was done
    ended_at timestamptz
);
CREATE UNIQUE INDEX republication_under_way ON republication (restored, key_version)
    WHERE ended_at IS NULL;
COMMENT ON TABLE republication IS 'Learners told anew, after a change of key or a restore; resumed where it stopped.';

-- migrate: rollback
