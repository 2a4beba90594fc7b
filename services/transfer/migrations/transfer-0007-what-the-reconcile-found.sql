-- What the reconcile has found, whoever ran it: figures of a process begin anew with the process
-- depends: transfer-0006-announced-at

-- migrate: apply
ALTER TABLE reconcile
    ADD COLUMN found integer NOT NULL DEFAULT 0, -- by passes less than a day apart
    ADD COLUMN found_at timestamptz; -- by the last pass that found something

-- migrate: rollback
