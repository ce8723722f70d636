/ What the namespaces .Q, .h and .j have that is written in q: a definition on each line.
.Q.nA:"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
.Q.b6:"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
.Q.M:0W
.Q.x:()
.Q.v:{$[-11h=type x;value x;x]}
.Q.V:{flip 0!.Q.v x}
.Q.qt:{$[99h=abs[type x]-28*127h=type x;98 98h~type each(key x;value x);98h=type x]}
.Q.qp:{0}
.Q.fu:{[f;x]$[0h>type x;f x;[d:distinct x;(f d)d?x]]}
.Q.fc:{[f;x]f x}
.Q.ft:{[f;t]$[98h=type t;f t;[n:count keys t;n!f 0!t]]}
.Q.ff:{[x;y]n:cols[y]except cols x;$[count n;flip(flip x),n!{y#first 0#x}[;count x]each(flip y)n;x]}
.Q.fmt:{[w;d;x]s:.Q.f[d;x];$[0h=type s;.z.s[w;d]each x;w<count s;w#"*";(neg w)$s]}
.Q.opt:{i:where"-"=first each x;(`$1_'x i)!1_'i _ x}
.Q.dd:{[x;y]` sv x,`$string y}
.Q.def:{[d;o]k:key[d]inter key o;$[count k;d,k!{$[count y;(upper .Q.t abs type x)$first y;x]}'[d k;o k];d]}
.Q.addr:{s:string x;$[x=`localhost;2130706433i;3<>sum s=".";-1i;null a:"I"$s;-1i;a]}
.Q.btoa:{p:(neg count x)mod 3;g:256 sv'3 cut("j"$x),p#0;(neg[p]_raze .Q.b6{(x div 262144 4096 64 1)mod 64}each g),p#"="}
.Q.atob:{if[count[x]mod 4;'"domain"];x:"c"$x;p:sum x="=";g:64 sv'4 cut .Q.b6?(x except"="),p#"A";neg[p]_"x"$raze{(x div 65536 256 1)mod 256}each g}
.Q.x10:{.Q.b6((10-count d)#0),d:64 vs x}
.Q.j10:{64 sv .Q.b6?x}
.Q.x12:{.Q.nA((12-count d)#0),d:36 vs x}
.Q.j12:{36 sv .Q.nA?x}
.Q.trp:{[f;x;g]@[f;x;g[;()]]}
.Q.trpd:{[f;x;g].[f;x;g[;()]]}
.Q.res:`abs`acos`asin`atan`avg`bin`binr`cor`cos`cov`delete`dev`div`do`enlist`exec`exit`exp`getenv`hopen`if`in`insert`last`like`log`max`min`prd`select`setenv`sin`sqrt`ss`sum`tan`update`var`wavg`while`within`wsum`xexp
.Q.id:{$[-11h=type x;.Q.id1 x;11h=type x;.Q.id1 each x;99h<>type x;.Q.id2[cols x]xcol x;98h=type key x;.Q.id2[cols x]xcol x;.Q.id2[key x]!value x]}
.Q.id1:{s:s where(s:string x)in .Q.an;`$$[0=count s;"a";first[s]in"_",.Q.n;"a",s;s]}
.Q.id2:{.Q.id3{$[x in .Q.res,.Q.kw;`$string[x],"1";x]}each .Q.id1 each x}
.j.jd:{.j.j$[1b~x[1]`null0w;.j.fin x 0;x 0]}
.j.fin:{$[9h=type x;?[x in 0w -0w;(count x)#0n;x];-9h=type x;$[x in 0w -0w;0n;x];0h=type x;.z.s each x;98h=type x;flip .z.s flip x;99h=type x;(key x)!.z.s value x;x]}
.h.br:"<br>"
.h.sc:"$-.+!*'(),",.Q.a,.Q.A,"_",.Q.n
.h.htc:{[t;v]"<",(string t),">",v,"</",(string t),">"}
.h.hta:{[t;d]"<",(string t),(raze{" ",(string x),"=\"",$[10h=type y;y;string y],"\""}'[key d;value d]),">"}
.h.htac:{[t;d;v].h.hta[t;d],v,"</",(string t),">"}
.h.ha:{"<a href=",$[10h=type x;"\"",x,"\"";string x],">",y,"</a>"}
.h.hb:{"<a target=v href=\"",$[10h=type x;x;string x],"\">",y,"</a>"}
.h.hc:{ssr[x;"<";"&lt;"]}
.h.xs:{ssr[ssr[ssr[x;"&";"&amp;"];"<";"&lt;"];">";"&gt;"]}
.h.hu:{raze{$[x in .h.sc;x;"%",string"x"$x]}each x}
.h.uh:{p:"%"vs x;raze first[p],{("c"$"X"$2#x),2_x}each 1_p}
.h.nbr:{.h.htc[`nobr;x]}
.h.code:{p:"\t"vs x;" "sv @[p;1+2*til count[p]div 2;{.h.htc[`code].h.nbr x}]}
.h.pre:{.h.htc[`pre]raze x,\:"\n"}
.h.xmp:{.h.htc[`xmp]raze x,\:"\n"}
.h.text:{raze{.h.htc[`p;x],"\n"}each x}
.h.iso8601:{$[null x;"";@[string"p"$x;4 7 10;:;"--T"]]}
.h.td:{"\t"0:x}
.h.d:" "
.h.cd:{csv 0:$[.Q.qt x;flip{$[0h=type x;{$[10h=type x;x;0h>type x;string x;.h.d sv string x]}each x;x]}each flip 0!x;x]}
.h.xd:{(enlist"<R>"),({"<r>",(raze{.h.htc[x;.h.xs$[10h=type y;y;string y]]}'[key x;value x]),"</r>"}each 0!x),enlist"</R>"}
.h.xt:{[t;x]$[t=`json;.j.k each x;x]}
.h.tx:`raw`json`csv`txt`xml!(enlist;{.j.j each$[.Q.qt x;0!x;x]};.h.cd;.h.td;.h.xd)
.h.ty:`htm`html`csv`txt`xml`xls`gif`png`ico`jpg`css`js`json`pdf`zip`svg!("text/html";"text/html";"text/comma-separated-values";"text/plain";"text/plain";"application/msexcel";"image/gif";"image/png";"image/x-icon";"image/jpeg";"text/css";"application/javascript";"application/json";"application/pdf";"application/zip";"image/svg+xml")
.h.c0:`024C7E
.h.c1:`958600
.h.sa:"a{text-decoration:none}a:link{color:024C7E}a:visited{color:024C7E}a:active{color:958600}"
.h.sb:"body{font:10pt verdana;text-align:justify}"
.h.html:{"<html><head><style>",.h.sa,.h.sb,"</style></head><body>",x,"</body></html>"}
.h.hr:{count[x]#"-"}
.h.hn:{[s;t;c]m:.h.ty t;c:"c"$c;"HTTP/1.1 ",s,"\r\nContent-Type: ",$[count m;m;"application/octet-stream"],"\r\nConnection: close\r\nContent-Length: ",(string count c),"\r\n\r\n",c}
.h.hy:{[t;c].h.hn["200 OK";t;c]}
.h.he:{.h.hn["400 Bad Request";`txt;"'",.h.hc x]}
.h.hp:{.h.hy[`htm;.h.html .h.pre x]}
.h.http:{" "sv{$[x like"http://*";.h.ha[x;x];x]}each" "vs x}
