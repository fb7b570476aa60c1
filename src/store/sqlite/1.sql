CREATE TABLE setting (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO setting VALUES ('format', 0), ('seq', 0);

CREATE TABLE directory (
    tenant INTEGER NOT NULL, reference INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    part INTEGER NOT NULL, rid INTEGER NOT NULL,
    PRIMARY KEY (tenant, reference, kind, id)
) WITHOUT ROWID, STRICT;

CREATE TABLE resource (
    rid INTEGER PRIMARY KEY, part INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    updated INTEGER NOT NULL, method INTEGER NOT NULL, seq INTEGER NOT NULL, reference INTEGER NOT NULL,
    sum INTEGER NOT NULL, client TEXT, slots TEXT NOT NULL, keys BLOB NOT NULL, document BLOB
) STRICT;
CREATE INDEX resource_kind ON resource (part, kind, rid) WHERE document IS NOT NULL;
CREATE INDEX resource_updated ON resource (part, kind, updated) WHERE document IS NOT NULL;

CREATE TABLE version (
    part INTEGER NOT NULL, rid INTEGER NOT NULL, version INTEGER NOT NULL, updated INTEGER NOT NULL,
    method INTEGER NOT NULL, seq INTEGER NOT NULL, sum INTEGER NOT NULL, client TEXT, document BLOB,
    PRIMARY KEY (part, rid, version)
) WITHOUT ROWID, STRICT;

CREATE TABLE hash_key (
    part INTEGER NOT NULL, slot INTEGER NOT NULL, hash INTEGER NOT NULL, rid INTEGER NOT NULL,
    PRIMARY KEY (part, slot, hash, rid)
) WITHOUT ROWID, STRICT;

CREATE TABLE range_key (
    part INTEGER NOT NULL, slot INTEGER NOT NULL, unit INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
    rid INTEGER NOT NULL,
    PRIMARY KEY (part, slot, unit, low, high, rid)
) WITHOUT ROWID, STRICT;
CREATE INDEX range_key_rid ON range_key (part, rid, slot);

CREATE TABLE text_key (
    part INTEGER NOT NULL, slot INTEGER NOT NULL, text TEXT NOT NULL, rid INTEGER NOT NULL,
    PRIMARY KEY (part, slot, text, rid)
) WITHOUT ROWID, STRICT;
CREATE INDEX text_key_rid ON text_key (part, rid, slot);

CREATE TABLE change (
    seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL, rid INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX change_kind ON change (tenant, kind, seq);

CREATE TABLE note (
    log TEXT NOT NULL, seq INTEGER NOT NULL, tenant INTEGER NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (log, seq)
) WITHOUT ROWID, STRICT;
