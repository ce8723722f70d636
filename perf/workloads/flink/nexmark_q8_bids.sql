CREATE TABLE bid (
  `timestamp` BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE,
  et AS TO_TIMESTAMP_LTZ(`timestamp`, 3), WATERMARK FOR et AS et
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = 'csv');
CREATE TABLE auction (
  `timestamp` BIGINT, id INT, initialbid INT, reserve INT, expires BIGINT, seller INT, category INT,
  et AS TO_TIMESTAMP_LTZ(`timestamp`, 3), WATERMARK FOR et AS et
) WITH ('connector' = 'filesystem', 'path' = '${AUCTIONS}', 'format' = 'csv');
CREATE TABLE output (
  `start` BIGINT, bidTime BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE,
  auctionTime BIGINT, id INT, initialbid INT, reserve INT, expires BIGINT, seller INT, category INT
) WITH (${SINK});
INSERT INTO output
SELECT ${START}, bidTime, auctionId, bidder, `datetime`, price,
       auctionTime, id, initialbid, reserve, expires, seller, category
FROM (
  SELECT b.window_start, b.`timestamp` AS bidTime, b.auctionId, b.bidder, b.`datetime`, b.price,
         a.`timestamp` AS auctionTime, a.id, a.initialbid, a.reserve, a.expires, a.seller,
         a.category
  FROM (
    SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(et), INTERVAL '10' SECOND))
  ) AS b
  JOIN (
    SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(et), INTERVAL '10' SECOND))
  ) AS a
  ON b.auctionId = a.id AND b.window_start = a.window_start AND b.window_end = a.window_end
);
