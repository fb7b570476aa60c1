-- Entries of logs before this format stood in no chain, and no release wrote any: they are kept aside, never read.
ALTER TABLE note RENAME TO note_1;

CREATE TABLE note (
    tenant INTEGER NOT NULL, log TEXT NOT NULL, place INTEGER NOT NULL, time INTEGER NOT NULL, entry BLOB NOT NULL,
    sum BLOB, hash BLOB NOT NULL,
    PRIMARY KEY (tenant, log, place)
) WITHOUT ROWID, STRICT;

CREATE TABLE person (
    tenant INTEGER NOT NULL, log TEXT NOT NULL, place INTEGER NOT NULL, client INTEGER NOT NULL, salt BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tenant, log, place)
) WITHOUT ROWID, STRICT;
CREATE INDEX person_client ON person (tenant, log, client, place);

CREATE TABLE chain (
    tenant INTEGER NOT NULL, log TEXT NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (tenant, log)
) WITHOUT ROWID, STRICT;
