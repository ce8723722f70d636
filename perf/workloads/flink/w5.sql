-- Files of JSON are read in pieces, in any order: no row may count as late.
CREATE TABLE ticks (
  ts BIGINT, `key` STRING, v DOUBLE,
  et AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR et AS et - INTERVAL '1' HOUR
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = '${FORMAT}');
CREATE TABLE output (
  `start` BIGINT, `key` STRING, total DOUBLE, mean DOUBLE, n BIGINT
) WITH (${SINK});
INSERT INTO output
SELECT ${START},
       `key`, SUM(v), AVG(v), COUNT(*)
FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(et), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, `key`;
