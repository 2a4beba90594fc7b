-- What is received and used in the order of time is found by time, to be forgotten
-- depends: kernel-0001-messaging

-- migrate: apply
CREATE INDEX inbox_by_time ON inbox USING brin (received_at);
CREATE INDEX idempotency_by_time ON idempotency USING brin (used_at);

-- migrate: rollback
