CREATE TABLE bid (
  `timestamp` BIGINT, auctionId INT, bidder INT, `datetime` BIGINT, price DOUBLE
) WITH ('connector' = 'filesystem', 'path' = '${INPUT}', 'format' = 'csv');
CREATE TABLE output (auctionId INT, price DOUBLE) WITH (${SINK});
INSERT INTO output SELECT auctionId, price FROM bid WHERE MOD(auctionId, 123) = 0;
