CREATE TABLE goods (name text PRIMARY KEY, price int, stock int CHECK (stock >= 0));
CREATE TABLE sale (id serial PRIMARY KEY, name text REFERENCES goods, price int);
INSERT INTO goods VALUES ('lamp', 30, 1), ('chair', 45, 3);
