-- What people decide about parked events, and what nobody may change afterwards
-- depends: kernel-0002-purge

-- migrate: apply
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF (to_jsonb(OLD) ->> TG_ARGV[0])::timestamptz < clock_timestamp() - TG_ARGV[1]::interval THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% keeps what it holds: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION append_only IS
    'Trigger of histories: no change, no TRUNCATE; DELETE only of rows whose moment (first argument, a '
    'column) is longer ago than the second argument, by the clock of the server.';

CREATE TABLE discarded (
    event_id uuid NOT NULL,
    subject jsonb NOT NULL, -- what the event was about: its type and the ids in it
    error text NOT NULL,
    reason text NOT NULL, -- as whoever discarded it has given it
    discarded_by text NOT NULL,
    discarded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE discarded IS 'Parked events that a person has given up: never changed, kept 3 years.';
CREATE INDEX discarded_by_time ON discarded USING brin (discarded_at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON discarded
    FOR EACH ROW EXECUTE FUNCTION append_only('discarded_at', '1095 days');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON discarded EXECUTE FUNCTION append_only();

-- migrate: rollback
