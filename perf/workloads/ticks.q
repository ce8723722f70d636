windows:0
/ One line for a window: which one, how many names, the sum of prices, and that by their places.
line:{v:exec vwap from x; windows::windows+1;
  " " sv string windows,(count v),"j"$1e6*(sum v),sum v*1+til count v}
.qsp.run
  .qsp.read.fromCallback[`upd]
  .qsp.window.tumbling[0D00:00:01; `time]
  .qsp.map[{select vwap:size wavg price by sym from x}]
  .qsp.map[{line x}]
  .qsp.write.toConsole[]
