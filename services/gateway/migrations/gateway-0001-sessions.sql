-- Visits of staff: the session behind the cookie, the sign-ins under way, and how often something was tried
-- depends:

-- migrate: apply
CREATE TABLE sessions (
    id_hash bytea PRIMARY KEY,
    person uuid NOT NULL,
    email text NOT NULL,
    email_verified boolean NOT NULL,
    name text NOT NULL,
    function text NOT NULL,
    schools jsonb NOT NULL,
    academies jsonb NOT NULL,
    inspects jsonb NOT NULL,
    school text,
    school_name text,
    school_roles text[] NOT NULL DEFAULT '{}',
    csrf text NOT NULL,
    id_token text NOT NULL,
    flash jsonb,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ask_again_at timestamptz NOT NULL,
    rights_until timestamptz NOT NULL
);
COMMENT ON COLUMN sessions.id_hash IS 'Hash of the random id in the cookie: who reads the table signs in nowhere';
COMMENT ON COLUMN sessions.inspects IS 'Roles by académie as inspector_access tells them; academies are those of etablissement';
COMMENT ON COLUMN sessions.rights_until IS 'Until when the rights hold if the services that know them do not answer';
CREATE INDEX sessions_expire ON sessions (expires_at);

CREATE TABLE sign_ins (
    id_hash bytea PRIMARY KEY,
    state text NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_expire ON sign_ins (expires_at);

CREATE TABLE attempts (
    subject bytea NOT NULL,
    begins_at timestamptz NOT NULL,
    count integer NOT NULL,
    PRIMARY KEY (subject, begins_at)
);
COMMENT ON COLUMN attempts.subject IS 'Hash of what is counted and of the address or session that does it';
CREATE INDEX attempts_begin ON attempts (begins_at);

-- migrate: rollback
