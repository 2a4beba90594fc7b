-- The tables of the naive importer, transfer and dossier, each in a database of its own
CREATE TABLE pupil (
    id uuid PRIMARY KEY,
    uai text NOT NULL,
    eleve_id text NOT NULL,
    family_name text NOT NULL,
    first_name text NOT NULL,
    birth_date date NOT NULL,
    ine text,
    mef text,
    division text,
    active boolean NOT NULL,
    version integer NOT NULL,
    transferred boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX pupil_eleve_id ON pupil (uai, eleve_id);

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    routing_key text NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE inbox (
    event_id uuid PRIMARY KEY
);

CREATE TABLE presence (
    pupil_id uuid PRIMARY KEY,
    uai text NOT NULL,
    version integer NOT NULL,
    active boolean NOT NULL,
    ine text,
    birth_date date
);
CREATE INDEX presence_ine ON presence (ine);

CREATE TABLE transfer (
    id uuid PRIMARY KEY,
    state text NOT NULL,
    origin uuid NOT NULL UNIQUE,
    destination uuid NOT NULL UNIQUE
);

CREATE TABLE record (
    id uuid PRIMARY KEY,
    pupil_id uuid NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    body jsonb NOT NULL
);
CREATE INDEX record_of_pupil ON record (pupil_id);
