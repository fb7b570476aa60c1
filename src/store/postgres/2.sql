-- Entries of logs before this format stood in no chain, and no release wrote any: they are kept aside, never read.
ALTER TABLE note RENAME TO note_1;
ALTER INDEX note_pkey RENAME TO note_1_pkey;

CREATE TABLE note (
    tenant BIGINT NOT NULL, log TEXT COLLATE "C" NOT NULL, place BIGINT NOT NULL, time BIGINT NOT NULL, entry BYTEA NOT NULL,
    sum BYTEA, hash BYTEA NOT NULL,
    PRIMARY KEY (tenant, log, place)
);

CREATE TABLE person (
    tenant BIGINT NOT NULL, log TEXT COLLATE "C" NOT NULL, place BIGINT NOT NULL, client BIGINT NOT NULL, salt BYTEA NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (tenant, log, place)
);
CREATE INDEX person_client ON person (tenant, log, client, place);

CREATE TABLE chain (
    tenant BIGINT NOT NULL, log TEXT COLLATE "C" NOT NULL, size BIGINT NOT NULL, hash BYTEA NOT NULL,
    PRIMARY KEY (tenant, log)
);
