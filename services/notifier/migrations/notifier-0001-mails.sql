-- Mails and what became of each, the schools they are about, and what is counted for them
-- depends:

-- migrate: apply
CREATE TABLE school (
    uai text PRIMARY KEY,
    version integer NOT NULL, -- of the newest event
    name text NOT NULL,
    town text,
    email text, -- the school's own address
    digest boolean NOT NULL -- whether it wants the daily mail about closed transfers
);

CREATE TABLE mail (
    id uuid PRIMARY KEY, -- follows from what is told and to whom: the same mail is never made twice
    number bigint GENERATED ALWAYS AS IDENTITY, -- order of lists
    kind text NOT NULL CHECK (kind IN ('access', 'arrival', 'to-do', 'digest')),
    uai text NOT NULL, -- the school that the mail is about
    address text NOT NULL,
    name text NOT NULL, -- of the recipient
    reply_to text,
    subject text NOT NULL,
    content jsonb NOT NULL, -- what the template says
    topic text, -- what newer mails overtake older ones about, to one recipient
    version integer NOT NULL DEFAULT 0, -- of the topic
    happened_at timestamptz NOT NULL, -- tells mails of one version apart
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sending', 'sent', 'deferred', 'failed', 'suppressed')),
    reason text, -- why it failed or was suppressed
    answer text, -- the server's last answer, or what came instead of one
    attempts integer NOT NULL DEFAULT 0, -- that came to an end
    next_try timestamptz DEFAULT now(), -- while it is being sent: the end of the lease
    claimed_by uuid, -- the sender that holds it
    created_at timestamptz NOT NULL DEFAULT now(),
    queued_at timestamptz NOT NULL DEFAULT now(), -- since when it is tried
    ended_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE mail IS 'The ledger: each mail and what became of it, kept 12 months.';
CREATE INDEX mail_due ON mail (next_try) WHERE state IN ('queued', 'sending', 'deferred');
CREATE INDEX mail_about ON mail (topic, lower(address)) WHERE topic IS NOT NULL;
CREATE INDEX mail_of_school ON mail (uai, number);
CREATE INDEX mail_failed ON mail (uai, number) WHERE state = 'failed';
CREATE INDEX mail_by_creation ON mail USING brin (created_at);
CREATE INDEX mail_by_end ON mail USING brin (ended_at);

CREATE TABLE mail_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_id uuid NOT NULL REFERENCES mail ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL,
    answer text,
    by_whom text -- the person who sent it again or stopped it
);
COMMENT ON TABLE mail_history IS 'What did not go straight: refusals, further tries, acts of people.';
CREATE INDEX history_of_mail ON mail_history (mail_id);

CREATE TABLE suppression (
    address text PRIMARY KEY, -- lower case
    reason text NOT NULL,
    by_whom text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz,
    lifted_by text
);
COMMENT ON TABLE suppression IS 'Addresses that nothing is sent to, until it is lifted.';

CREATE TABLE unaddressed (
    id uuid PRIMARY KEY, -- of the mail that it would have been
    uai text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    content jsonb NOT NULL,
    topic text,
    version integer NOT NULL,
    happened_at timestamptz NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE unaddressed IS 'What a school was not told because its e-mail is not known.';
CREATE INDEX unaddressed_school ON unaddressed (uai);

CREATE TABLE digest_entry (
    transfer_id uuid NOT NULL,
    uai text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('sent', 'received', 'returned')),
    at timestamptz NOT NULL DEFAULT now(),
    told_at timestamptz, -- by a digest; null: counts in the next one
    PRIMARY KEY (transfer_id, uai, direction)
);
COMMENT ON TABLE digest_entry IS 'Closed transfers, once for each school concerned.';
CREATE INDEX digest_untold ON digest_entry (uai) WHERE told_at IS NULL;

CREATE TABLE round (
    kind text NOT NULL CHECK (kind IN ('to-do', 'digest')),
    period text NOT NULL, -- 2026-W04, or 2026-01-20
    after text, -- the last school that was gone through
    done_at timestamptz,
    PRIMARY KEY (kind, period)
);
COMMENT ON TABLE round IS 'The weekly and daily rounds through all schools, each made once.';

-- migrate: rollback
