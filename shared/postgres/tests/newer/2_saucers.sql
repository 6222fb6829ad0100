CREATE TABLE saucers (id bigint PRIMARY KEY);
