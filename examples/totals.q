/ Total and largest price per symbol of one table of trades.
/ Run it with: mainstem run examples/totals.q
.qsp.run
    .qsp.read.fromExpr["([] sym:`a`b`a`c`b; price:10.5 20 11.5 7 21)"]
    .qsp.map[{0!select total:sum price, top:max price by sym from x}]
    .qsp.write.toConsole[]
