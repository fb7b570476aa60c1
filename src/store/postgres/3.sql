CREATE TABLE message (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue BIGINT NOT NULL, tenant BIGINT NOT NULL, connection TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL,
    lane BIGINT NOT NULL, unit TEXT COLLATE "C", received BIGINT NOT NULL, state BIGINT NOT NULL, attempts BIGINT NOT NULL,
    available BIGINT NOT NULL, held BIGINT NOT NULL, class BIGINT, code TEXT COLLATE "C", map TEXT COLLATE "C",
    replays BIGINT NOT NULL, told TEXT COLLATE "C", finished BIGINT, length BIGINT NOT NULL, body BYTEA NOT NULL
);
CREATE UNIQUE INDEX message_key ON message (queue, connection, key);
CREATE INDEX message_ready ON message (queue, number) WHERE state = 0;
CREATE INDEX message_lane ON message (queue, tenant, lane, number) WHERE state < 2;
CREATE INDEX message_held ON message (queue, tenant, lane, number) WHERE held = 1;
CREATE INDEX message_open ON message (queue, connection, state, received) WHERE state < 3;
CREATE INDEX message_finished ON message (finished) WHERE state >= 3;

CREATE TABLE source (
    connection TEXT COLLATE "C" NOT NULL PRIMARY KEY, tenant BIGINT NOT NULL, unit TEXT COLLATE "C" NOT NULL,
    answered BIGINT, failed BIGINT, code TEXT COLLATE "C", cursor TEXT COLLATE "C"
);

CREATE TABLE lease (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY, owner TEXT COLLATE "C" NOT NULL, until BIGINT NOT NULL
);
