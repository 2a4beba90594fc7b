-- What a school has declared done of its setting up (« Mise en service »)
-- depends: etablissement-0006-contacts-and-modules

-- migrate: apply
ALTER TABLE setting
    DROP CONSTRAINT setting_subject_check,
    ADD CONSTRAINT setting_subject_check CHECK (subject IN ('contacts', 'modules', 'setting-up'));

-- migrate: rollback
