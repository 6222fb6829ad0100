CREATE TABLE cups (id bigint PRIMARY KEY, name text UNIQUE NOT NULL);
