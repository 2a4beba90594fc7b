-- What the kernel keeps in the database of each service
-- depends:

-- migrate: apply
CREATE TABLE outbox (
    id uuid PRIMARY KEY, -- the event's id; UUIDv7, so that the index grows at its end
    routing_key text NOT NULL,
    envelope text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE outbox IS 'Events written in the transaction that made them, until published.';

CREATE TABLE inbox (
    event_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE inbox IS 'Events whose effect is in this database: a second delivery is passed over.';

CREATE TABLE parked (
    event_id uuid PRIMARY KEY,
    envelope text NOT NULL,
    error text NOT NULL, -- class of the error and, from the kernel, its message: no value of the event
    attempts integer NOT NULL DEFAULT 1,
    next_try timestamptz, -- null: waits for a person
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE parked IS 'Events that could not be handled, so that their queue moves on.';
CREATE INDEX parked_due ON parked (next_try) WHERE next_try IS NOT NULL;

CREATE TABLE idempotency (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL, -- digest of the request, so that a key used for another one is told
    resource uuid NOT NULL, -- what the first request made
    used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (caller, key)
);
COMMENT ON TABLE idempotency IS 'Idempotency keys of creating requests, written in their transaction.';

-- migrate: rollback
