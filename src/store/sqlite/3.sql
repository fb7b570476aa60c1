CREATE TABLE message (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL, tenant INTEGER NOT NULL, connection TEXT NOT NULL, key TEXT NOT NULL, lane INTEGER NOT NULL,
    unit TEXT, received INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, available INTEGER NOT NULL,
    held INTEGER NOT NULL, class INTEGER, code TEXT, map TEXT, replays INTEGER NOT NULL, told TEXT, finished INTEGER,
    length INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_key ON message (queue, connection, key);
CREATE INDEX message_ready ON message (queue, number) WHERE state = 0;
CREATE INDEX message_lane ON message (queue, tenant, lane, number) WHERE state < 2;
CREATE INDEX message_held ON message (queue, tenant, lane, number) WHERE held = 1;
CREATE INDEX message_open ON message (queue, connection, state, received) WHERE state < 3;
CREATE INDEX message_finished ON message (finished) WHERE state >= 3;

CREATE TABLE source (
    connection TEXT NOT NULL PRIMARY KEY, tenant INTEGER NOT NULL, unit TEXT NOT NULL, answered INTEGER, failed INTEGER,
    code TEXT, cursor TEXT
) WITHOUT ROWID, STRICT;

CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
