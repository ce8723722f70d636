//! Programs that would take all memory: they signal, give back what they took, and the console goes
//! on.

use formats::budget::Metered;
use formats::testing::{Gauge, bytes_of};
use q::{Console, Options};

#[global_allocator]
static ALLOCATOR: Metered<Gauge> = Metered(Gauge);

const MIB: i64 = 1 << 20;
/// What a session may take here.
const MEMORY: i64 = 8 * MIB;

fn console() -> Console {
    Console::new(Options { memory_max: MEMORY as u64, ..Options::default() })
}

/// What each takes is far above what there is.
const GREEDY: &[&str] = &[
    "{til 10000000} each til 1000",
    "{til 100000} each til 1000",
    "{x,x}/[60;1 2 3]",
    "{x,x}\\[60;1 2 3]",
    "til 0W",
    "til 2000000",
    "1000000000000#0",
    "2000000#0",
    "1000000#(::)",
    "1000 1000 1000#0",
    "x:();while[1b;x:enlist x]",
    "enlist over \",\"",
    "{.z.s x,x} 1 2 3",
    "raze 1000#enlist til 100000",
    "(,/)1000#enlist til 100000",
    "(til 3000) cross til 3000",
    "([]a:til 3000) cross ([]b:til 3000)",
    "string til 1000000",
    "reverse flip (`$string til 1000)!1000#enlist til 10000",
    "(flip (`$string til 1000)!1000#enlist til 10000) reverse til 10000",
    "`c0 xasc flip (`$\"c\",/:string til 1000)!1000#enlist reverse til 10000",
    "select from (flip (`$\"c\",/:string til 1000)!1000#enlist til 10000) where c0>5",
    "flip 1000#enlist til 10000",
    "-8!1000#enlist til 100000",
    "\",\" sv 1000#enlist 100000#\"a\"",
    "` sv 10000#`$10000#\"a\"",
    "` sv 1000#enlist 100000#\"a\"",
    "raze 1000#enlist 100000#\"a\"",
    "ssr[100000#\"a\";\"a\";1000#\"b\"]",
    "\",\" vs 1000000#\",\"",
    ".j.j 1000#enlist til 100000",
    ".j.k \"[\",(1000000#\"0,\"),\"0]\"",
    "csv 0: flip (`$string til 100)!100#enlist 1000#enlist 1000#\"a\"",
    "(1000#enlist 10000#1f) mmu 10000#enlist 1000#1f",
    "ungroup ([]a:til 1000;b:1000#enlist til 10000)",
    "2000000?100",
    "2000000#'100#enlist til 10",
    "100 cut til 1000000",
    "group til 1000000",
    "where 10000000 1",
    "update c:b from ([]a:til 1000;b:1000#enlist til 10) cross ([]d:til 1000)",
    "f:{f2[x],f2 x};f2:{x,x};f/[60;1 2]",
    "d:(`long$())!();i:0;while[1b;d[i]:til 1000;i+:1]",
    "a:0;do[100;a:(a;til 100000)]",
    "t:([]x:til 10);do[60;t,:t]",
    "t:([k:til 10]v:til 10);do[1000;t:t upsert ([k:(count t)+til 10000]v:til 10000)]",
    "s:\"a\";while[1b;s,:s]",
    "x:1 2 3;while[1b;x,:x]",
    "x:enlist 1 2 3;while[1b;x[0],:x 0]",
    "value \"{\",(1000000#\"x+\"),\"x}\"",
];

#[test]
fn programs_that_would_take_all_memory_signal_and_give_it_back() {
    let mut console = console();
    // What is made once and for all is no part of it.
    console.enter("1+1");
    let mut problems = Vec::new();
    for program in GREEDY {
        let mut shown = String::new();
        let (most, after) = bytes_of(|| {
            shown = console.enter(program);
            assert_eq!(console.enter("sum til 10000"), "49995000", "{program}");
            // Whatever it left in variables; indexes of tables are few and known.
            assert_eq!(console.enter("a:d:f:f2:i:s:t:x:0;"), "", "{program}");
        });
        if !shown.starts_with("'wsfull") || most > 4 * MEMORY || after > 3 * MIB {
            let head: String = shown.chars().take(100).collect();
            problems.push(format!("{program} has taken {most}, keeps {after}, shows {head}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_is_given_back_is_there_for_the_next() {
    let mut console = console();
    for _ in 0..20 {
        assert!(console.enter("x:{til 100000} each til 1000").starts_with("'wsfull"));
        assert_eq!(console.enter("count raze {til 10000} each til 40"), "400000");
    }
}

#[test]
fn a_variable_that_grows_for_ever_stays_what_it_was_and_can_be_given_up() {
    for grow in ["buf,:til 10000", "buf,:enlist til 10000", "`buf insert ([]a:til 10000)"] {
        let mut console = console();
        console.enter(if grow.contains("insert") { "buf:([]a:0#0)" } else { "buf:()" });
        let (most, _) = bytes_of(|| {
            let mut rounds = 0;
            let text = format!("{grow};");
            let shown = loop {
                let shown = console.enter(&text);
                if !shown.is_empty() && shown.starts_with('\'') {
                    break shown;
                }
                rounds += 1;
                assert!(rounds < 1000, "{grow} ends");
            };
            assert!(shown.starts_with("'wsfull"), "{grow}: {shown}");
            assert!(rounds > 10, "{grow}: {rounds}");
            let count = console.enter("count buf");
            for _ in 0..50 {
                assert!(console.enter(&text).starts_with("'wsfull"), "{grow}");
            }
            assert_eq!(console.enter("count buf"), count, "{grow}: nothing is lost");
        });
        assert!(most < 4 * MEMORY, "{grow} has taken {most}");
        assert_eq!(console.enter("buf:();"), "");
        assert_eq!(console.enter("count til 100000"), "100000");
    }
}

#[test]
fn many_small_variables_are_counted_too() {
    let mut console = console();
    let mut shown = String::new();
    for n in 0..2000 {
        shown = console.enter(&format!("v{n}:til 1000;"));
        if shown.starts_with('\'') {
            break;
        }
    }
    assert!(shown.starts_with("'wsfull"), "{shown}");
    assert_eq!(console.enter("v1:v2:();count v3"), "1000");
}

#[test]
fn a_variable_is_as_before_when_there_is_no_room_behind_it() {
    let mut console = console();
    console.enter("x:til 300000;y:enlist til 300000;t:([]a:til 300000)");
    for change in
        ["x,:til 700000", "y[0],:til 700000", "t,:([]a:til 700000)", "`t insert til 700000"]
    {
        assert!(console.enter(change).starts_with("'wsfull"), "{change}");
        assert_eq!(console.enter("count each (x;y 0;t)"), "300000 300000 300000", "{change}");
    }
}

#[test]
fn what_holds_one_list_again_and_again_is_shown_compared_and_sent_within_limits() {
    let wide = "w:{(x;x)}/[60;1 2 3];v:{(x;x)}/[60;1 2 3];";
    for (program, ends) in [
        ("w", "((((((("),
        ("-3!w", "\"((((((("),
        (".Q.s1 w", "\"((((((("),
        (".Q.s w", "\"((((((("),
        ("w~v", "'stop"),
        ("-8!w", "'wsfull"),
        (".j.j w", "'wsfull"),
        ("string w", "'wsfull"),
        ("1+w", "'wsfull"),
        ("raze/[w]", "'wsfull"),
        ("distinct (w;v)", "'wsfull"),
    ] {
        let options =
            Options { memory_max: MEMORY as u64, steps_max: 10_000_000, ..Options::default() };
        let mut console = Console::new(options);
        console.enter(wide);
        let mut shown = String::new();
        let (most, _) = bytes_of(|| shown = console.enter(program));
        assert!(shown.starts_with(ends), "{program}: {}", &shown[..shown.len().min(100)]);
        assert!(most < 4 * MEMORY, "{program} has taken {most}");
        assert_eq!(console.enter("2+2"), "4");
    }
}

#[test]
fn wide_values_are_shown_in_little_memory() {
    let mut console = console();
    for program in [
        "3#enlist til 300000",
        "flip (`$\"c\",/:string til 20000)!20000#enlist til 3",
        "3#enlist enlist 1000000#\"a\"",
        "`a`b!3#'(1000000#\"a\";1000000#\"b\")",
        "(`$1000000#\"a\";1 2)",
    ] {
        let (most, _) = bytes_of(|| drop(console.enter(program)));
        assert!(most < 2 * MEMORY, "{program} has taken {most}");
    }
    let shown = console.enter("3#enlist til 300000");
    let line = "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 ..";
    assert_eq!(shown.lines().next(), Some(line));
}

#[test]
fn a_limit_is_not_trapped_and_names_its_place() {
    let mut console = console();
    assert!(console.enter("@[{til 10000000};0;{`caught}]").starts_with("'wsfull"));
    assert!(console.enter(".Q.trp[{til 10000000};0;{[e;b]`caught}]").starts_with("'wsfull"));
    assert_eq!(console.enter("@[{'`type};0;{`caught}]"), "`caught");
}

#[test]
fn a_view_that_did_not_come_to_its_end_is_made_anew() {
    let mut console = console();
    console.enter("n:10");
    console.enter("v::(n#0)+/:til 1000");
    assert_eq!(console.enter("count v"), "1000");
    console.enter("n:10000");
    assert!(console.enter("count v").starts_with("'wsfull"));
    assert!(console.enter("count v").starts_with("'wsfull"));
    console.enter("n:20");
    assert_eq!(console.enter("count raze v"), "20000");
}
