CREATE TABLE person (
  `timestamp` BIGINT, id INT, name STRING, email STRING, card STRING, city STRING, `state` STRING,
  et AS TO_TIMESTAMP_LTZ(`timestamp`, 3), WATERMARK FOR et AS et
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = 'csv');
CREATE TABLE auction (
  `timestamp` BIGINT, id INT, initialbid INT, reserve INT, expires BIGINT, seller INT, category INT,
  et AS TO_TIMESTAMP_LTZ(`timestamp`, 3), WATERMARK FOR et AS et
) WITH ('connector' = 'filesystem', 'path' = '${AUCTIONS}', 'format' = 'csv');
CREATE TABLE output (`start` BIGINT, id INT, name STRING) WITH (${SINK});
INSERT INTO output
SELECT ${START}, id, name
FROM (
  SELECT p.id, p.name, p.window_start
  FROM (
    SELECT id, name, window_start, window_end
    FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(et), INTERVAL '10' SECOND))
    GROUP BY id, name, window_start, window_end
  ) AS p
  JOIN (
    SELECT seller, window_start, window_end
    FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(et), INTERVAL '10' SECOND))
    GROUP BY seller, window_start, window_end
  ) AS a
  ON p.id = a.seller AND p.window_start = a.window_start AND p.window_end = a.window_end
);
