-- The entries of a log by client lie in runs of 8,192, each of which is written at once when it is full: an index of all
-- of them had each new entry change another page.
DROP INDEX person_client;

CREATE TABLE listed (
    tenant INTEGER NOT NULL, log TEXT NOT NULL, run INTEGER NOT NULL, client INTEGER NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (tenant, log, run, client, place)
) WITHOUT ROWID, STRICT;
INSERT INTO listed SELECT p.tenant, p.log, (p.place - 1) / 8192, p.client, p.place FROM person p
    JOIN chain c ON c.tenant = p.tenant AND c.log = p.log WHERE p.place <= c.size / 8192 * 8192 ORDER BY 1, 2, 3, 4, 5;
