def type: _type;
def env: {};
def now: $__now;

def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($x): indices($x) | .[0];
def rindex($x): indices($x) | .[-1];
def transpose: [range([.[] | length] | max_by_or_empty(.)) as $i | [.[][$i]]];
def toboolean:
  if type == "boolean" then .
  elif . == "true" then true
  elif . == "false" then false
  else _fail("toboolean cannot be applied to \(tojson): invalid boolean") end;

def halt: null | halt_error;
def halt_error($code): halt_error;

def startswith($x): _with_text("startswith"; $x) | _startswith($x);
def endswith($x): _with_text("endswith"; $x) | _endswith($x);
def ltrimstr($x): _with_text("ltrimstr"; $x) | if startswith($x) then .[($x | length):] end;
def rtrimstr($x):
  _with_text("rtrimstr"; $x) | if endswith($x) and $x != "" then .[:-($x | length)] end;
def trimstr($x): _with_text("trimstr"; $x) | ltrimstr($x) | rtrimstr($x);

def sort: _array("sort") | _sort;
def sort_by(f): _array("sort_by") | _sort_by(f);
def group_by(f): _array("group_by") | _group_by(f);
def unique_by(f): _array("unique_by") | [_group_by(f)[] | .[0]];
def unique: _array("unique") | unique_by(.);
def min_by(f): _array("min_by") | reduce min_by_or_empty(f) as $x (null; $x);
def max_by(f): _array("max_by") | reduce max_by_or_empty(f) as $x (null; $x);
def min: _array("min") | min_by(.);
def max: _array("max") | max_by(.);
def explode: _text("explode") | _explode;
def implode: _array("implode") | _implode;
def reverse:
  if type == "string" then explode | _reverse | implode
  else (. // []) | _array("reverse") | _reverse end;
def ascii_downcase: _text("ascii_downcase") | _ascii_downcase;
def ascii_upcase: _text("ascii_upcase") | _ascii_upcase;
def trim: _text("trim") | _trim;
def ltrim: _text("ltrim") | _ltrim;
def rtrim: _text("rtrim") | _rtrim;
def acos: _number("acos") | _acos;
def acosh: _number("acosh") | _acosh;
def asin: _number("asin") | _asin;
def asinh: _number("asinh") | _asinh;
def atan: _number("atan") | _atan;
def atanh: _number("atanh") | _atanh;
def cbrt: _number("cbrt") | _cbrt;
def ceil: _number("ceil") | _ceil;
def cos: _number("cos") | _cos;
def cosh: _number("cosh") | _cosh;
def erf: _number("erf") | _erf;
def erfc: _number("erfc") | _erfc;
def exp: _number("exp") | _exp;
def exp10: _number("exp10") | _exp10;
def exp2: _number("exp2") | _exp2;
def expm1: _number("expm1") | _expm1;
def fabs: _number("fabs") | _fabs;
def floor: _number("floor") | _floor;
def j0: _number("j0") | _j0;
def j1: _number("j1") | _j1;
def lgamma: _number("lgamma") | _lgamma;
def log: _number("log") | _log;
def log10: _number("log10") | _log10;
def log1p: _number("log1p") | _log1p;
def log2: _number("log2") | _log2;
def nearbyint: _number("nearbyint") | _nearbyint;
def rint: _number("rint") | _rint;
def round: _number("round") | _round;
def sin: _number("sin") | _sin;
def sinh: _number("sinh") | _sinh;
def sqrt: _number("sqrt") | _sqrt;
def tan: _number("tan") | _tan;
def tanh: _number("tanh") | _tanh;
def tgamma: _number("tgamma") | _tgamma;
def trunc: _number("trunc") | _trunc;
def y0: _number("y0") | _y0;
def y1: _number("y1") | _y1;
def significand: _number("significand") | if isinfinite or isnan or . == 0 then . else scalbln(.; ilogb | -.) end;
def logb: _number("logb") | if . == 0 then -infinite elif isinfinite then infinite elif isnan then . else ilogb end;
def gamma: _number("gamma") | _tgamma;
def abs: _number("abs") | if . < 0 then -. end;
def keys: _keys;
def to_entries: [keys[] as $k | {key: $k, value: .[$k]}];
def from_entries:
  map({(.key // .Key // .name // .Name): (if has("value") then .value else .Value end)})
  | add // {};
def with_entries(f): to_entries | map(f) | from_entries;
def flatten($d):
  if $d < 0 then _fail("flatten depth should not be negative: \($d)")
  else [.[] | if type == "array" and $d > 0 then flatten($d - 1)[] else . end] end;
def flatten: flatten(1e9);
def paths: path(..) | select(. != []);
def paths(f): path(.. | select(f)) | select(. != []);
def del(f): delpaths([path(f)]);
def setpath($p; $x): if $p == [] then $x else getpath($p) = $x end;
def pick(f): . as $v | reduce path(f) as $p (null; setpath($p; $v | getpath($p)));
def walk(f):
  def rec: (if type == "array" then map(rec) elif type == "object" then map_values(rec) else . end) | f;
  rec;
def tonumber: _tonumber;
def split($s): _with_text("split"; $s) | if . == "" then [""] else . / $s end;
def join($s): _join($s);
def limit($n; g):
  if $n < 0 then error("limit doesn't support negative count") else _limit($n; g) end;
def skip($n; g):
  if $n < 0 then error("skip doesn't support negative count") else _skip($n; g) end;
def nth($n): .[$n];
def nth($n; g):
  if $n < 0 then error("nth doesn't support negative index") else first(skip($n; g)) end;

def match($re; $flags): _matches($re; $flags)[];
def match($re): match($re; null);
def test($re; $flags): _test($re; $flags);
def test($re): test($re; null);
def _named: [.captures[] | select(.name != null) | {(.name): .string}] | add // {};
def capture($re; $flags): match($re; $flags) | _named;
def capture($re): capture($re; null);
def scan($re; $flags):
  match($re; $flags + "g") | if .captures == [] then .string else [.captures[].string] end;
def scan($re): scan($re; null);
def split($re; $flags): _split($re; $flags);
def splits($re; $flags): _split($re; $flags)[];
def splits($re): splits($re; null);
def sub($re; f; $flags):
  . as $text
  | [match($re; $flags)] as $found
  | reduce $found[] as $m ({made: "", at: 0};
      . as $s
      | ($m | _named | f) as $new
      | {made: ($s.made + $text[$s.at:$m.offset] + $new), at: ($m.offset + $m.length)})
  | .made + $text[.at:];
def sub($re; f): sub($re; f; null);
def gsub($re; f; $flags): sub($re; f; $flags + "g");
def gsub($re; f): gsub($re; f; null);

def tostream:
  path(def rec: (.[]? | rec), .; rec) as $p
  | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f):
  foreach f as $e (
    null;
    (if .done then null else . end)
    | $e[0] as $p
    | if ($e | length) == 2
      then setpath(["value"] + $p; $e[1]) | setpath(["done"]; $p == [])
      else setpath(["done"]; ($p | length) == 1) end;
    if .done then .value else empty end);
def truncate_stream(f):
  . as $n | null | f | . as $e
  | if ($e[0] | length) > $n then setpath([0]; $e[0][$n:]) else empty end;

def combinations:
  if length == 0 then [] else .[0][] as $x | [$x] + (.[1:] | combinations) end;
def combinations(n): [limit(n; repeat(.))] | combinations;
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def JOIN($idx; f): [.[] | [., $idx[f]]];
def JOIN($idx; stream; f): stream | [., $idx[f]];
def JOIN($idx; stream; f; g): stream | [., $idx[f]] | g;
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");

def @json: tojson;
def @sh:
  [if type == "array" then .[] else . end
    | if type == "string" then "'\(escape_sh)'" else tostring end] | join(" ");
def @csv: _row("csv");
def @tsv: _row("tsv");
def format($f):
  if $f == "text" then tostring
  elif $f == "json" then tojson
  elif $f == "html" then @html
  elif $f == "uri" then @uri
  elif $f == "urid" then @urid
  elif $f == "csv" then @csv
  elif $f == "tsv" then @tsv
  elif $f == "sh" then @sh
  elif $f == "base64" then @base64
  elif $f == "base64d" then @base64d
  else _fail("format not defined: \($f)") end;
