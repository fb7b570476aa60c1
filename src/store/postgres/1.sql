CREATE TABLE setting (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO setting VALUES ('format', 0), ('seq', 0);

CREATE TABLE directory (
    tenant BIGINT NOT NULL, reference BIGINT NOT NULL, kind TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL,
    part BIGINT NOT NULL, rid BIGINT NOT NULL,
    PRIMARY KEY (tenant, reference, kind, id)
);

CREATE TABLE resource (
    part BIGINT NOT NULL, rid BIGINT NOT NULL, kind TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL,
    updated BIGINT NOT NULL, method BIGINT NOT NULL, seq BIGINT NOT NULL, reference BIGINT NOT NULL,
    sum BIGINT NOT NULL, client TEXT COLLATE "C", slots TEXT COLLATE "C" NOT NULL, keys BYTEA NOT NULL, document BYTEA,
    PRIMARY KEY (part, rid)
);
CREATE INDEX resource_kind ON resource (part, kind, rid) WHERE document IS NOT NULL;
CREATE INDEX resource_updated ON resource (part, kind, updated) WHERE document IS NOT NULL;

CREATE TABLE version (
    part BIGINT NOT NULL, rid BIGINT NOT NULL, version BIGINT NOT NULL, updated BIGINT NOT NULL,
    method BIGINT NOT NULL, seq BIGINT NOT NULL, sum BIGINT NOT NULL, client TEXT COLLATE "C", document BYTEA,
    PRIMARY KEY (part, rid, version)
);

CREATE TABLE hash_key (
    part BIGINT NOT NULL, slot BIGINT NOT NULL, hash BIGINT NOT NULL, rid BIGINT NOT NULL,
    PRIMARY KEY (part, slot, hash, rid)
);

CREATE TABLE range_key (
    part BIGINT NOT NULL, slot BIGINT NOT NULL, unit BIGINT NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (part, slot, unit, low, high, rid)
);
CREATE INDEX range_key_rid ON range_key (part, rid, slot);

CREATE TABLE text_key (
    part BIGINT NOT NULL, slot BIGINT NOT NULL, text TEXT COLLATE "C" NOT NULL, rid BIGINT NOT NULL,
    PRIMARY KEY (part, slot, text, rid)
);
CREATE INDEX text_key_rid ON text_key (part, rid, slot);

CREATE TABLE change (
    seq BIGINT PRIMARY KEY, tenant BIGINT NOT NULL, kind TEXT COLLATE "C" NOT NULL, part BIGINT NOT NULL, rid BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX change_kind ON change (tenant, kind, seq);

CREATE TABLE note (
    log TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, tenant BIGINT NOT NULL, entry BYTEA NOT NULL,
    PRIMARY KEY (log, seq)
);
