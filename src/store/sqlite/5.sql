-- Keys of one hash stand together, whatever parameter they are of: most that a new client's resources have are the same
-- few references and names.
CREATE TABLE hash_key_5 (
    part INTEGER NOT NULL, hash INTEGER NOT NULL, slot INTEGER NOT NULL, rid INTEGER NOT NULL,
    PRIMARY KEY (part, hash, slot, rid)
) WITHOUT ROWID, STRICT;
INSERT INTO hash_key_5 (part, hash, slot, rid) SELECT part, hash, slot, rid FROM hash_key ORDER BY part, hash, slot, rid;
DROP TABLE hash_key;
ALTER TABLE hash_key_5 RENAME TO hash_key;
