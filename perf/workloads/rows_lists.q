quote:([sym:`symbol$()] time:`timestamp$(); price:`float$(); size:`long$())
.qsp.run (
  .qsp.read.fromCallback[`upd]
    .qsp.filter[{`quote upsert x 1 0 2 3; 0b}]
    .qsp.write.toConsole[];
  .qsp.read.fromCallback[`report]
    .qsp.map[{t:`sym xasc 0!quote; " " sv string (count t; sum ("j"$t`time) mod 1000000007;
      "j"$100*sum t[`price]*1+til count t; sum t`size)}]
    .qsp.write.toConsole[])
