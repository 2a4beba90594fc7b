-- Since when a departure is known that an import has announced
-- depends: transfer-0005-histories-stay

-- migrate: apply
ALTER TABLE announced_departure
    ADD COLUMN announced_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- migrate: rollback
