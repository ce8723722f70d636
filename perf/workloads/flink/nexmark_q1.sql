CREATE TABLE bid (
  `timestamp` BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = 'csv');
CREATE TABLE output (
  auctionId INT, bidder INT, price DOUBLE, `datetime` BIGINT
) WITH (${SINK});
INSERT INTO output SELECT auctionId, bidder, price * 0.908e0, `datetime` FROM bid;
