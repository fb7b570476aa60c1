-- Keys of one hash stand together, whatever parameter they are of: most that a new client's resources have are the same
-- few references and names.
ALTER TABLE hash_key DROP CONSTRAINT hash_key_pkey;
ALTER TABLE hash_key ADD PRIMARY KEY (part, hash, slot, rid);
