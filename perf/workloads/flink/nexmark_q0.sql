CREATE TABLE bid (
  `timestamp` BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = 'csv');
CREATE TABLE output (
  `timestamp` BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE
) WITH (${SINK});
INSERT INTO output SELECT `timestamp`, auctionId, bidder, `datetime`, price FROM bid;
