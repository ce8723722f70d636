CREATE TABLE output (n INT) WITH ('connector' = 'blackhole');
INSERT INTO output VALUES (1);
