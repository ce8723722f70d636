CREATE TABLE bid (
  `timestamp` BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE,
  et AS TO_TIMESTAMP_LTZ(`timestamp`, 3), WATERMARK FOR et AS et
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = 'csv');
CREATE TABLE output (`start` BIGINT, auctionId INT, num BIGINT) WITH (${SINK});
CREATE VIEW counts AS
SELECT auctionId, window_start, window_end, COUNT(*) AS num
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(et), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY auctionId, window_start, window_end;
INSERT INTO output
SELECT ${START}, auctionId, num
FROM (
  SELECT c.auctionId, c.num, c.window_start
  FROM counts AS c
  JOIN (
    SELECT MAX(num) AS max_num, window_start, window_end
    FROM counts
    GROUP BY window_start, window_end
  ) AS m
  ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.num = m.max_num
);
