//! Printing, and the constants and helpers of the system namespaces.

use super::{Class, Verb};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use formats::k::{Attr, K, Scalar, Sym, Type};

fn show(cx: &mut Session, x: K) -> Result {
    let text = cx.show(&x);
    cx.print(&(text + "\n"));
    Ok(K::Null)
}

fn console_text(cx: &mut Session, x: K) -> Result {
    Ok(K::str(cx.show(&x) + "\n"))
}

fn line_text(_: &mut Session, x: K) -> Result {
    Ok(K::str(crate::display::text(&x)))
}

/// The names of the views.
fn views(cx: &mut Session, _: K) -> Result {
    let names = cx.views.names();
    let attr = if names.is_empty() { Attr::None } else { Attr::Sorted };
    Ok(K::syms(names).with_attr(attr))
}

/// The text that defines a view.
fn view(cx: &mut Session, x: K) -> Result {
    let name = x.as_sym().ok_or_else(type_error)?;
    cx.views.text(name).map(K::str).ok_or_else(|| QError::new(name.as_str()))
}

/// Commands of the console that reach nothing outside; `t` and `ts` may have a count.
const COMMANDS: [&str; 20] = [
    "a", "b", "B", "c", "C", "d", "e", "f", "g", "p", "P", "s", "t", "T", "ts", "v", "W", "z",
    "t:", "ts:",
];

/// The error of a command that is not supported.
pub(crate) fn unsupported(command: &str) -> Option<QError> {
    let word = command.split_whitespace().next().unwrap_or_default();
    let name = word.split_inclusive(':').next().unwrap_or_default();
    (!COMMANDS.contains(&name)).then(|| QError::nyi(&format!("\\{word}")))
}

/// A command of the console by its text.
fn system(cx: &mut Session, x: K) -> Result {
    let text = x.as_text().ok_or_else(type_error)?;
    let text = String::from_utf8_lossy(text).into_owned();
    match unsupported(&text) {
        Some(error) => Err(error),
        None => Ok(cx.command(&text)?.0),
    }
}

/// The local time of a time in UTC, by the clock of the host.
fn ltime(cx: &mut Session, x: K) -> Result {
    let offset = K::Atom(Type::Timespan, Scalar::I64(cx.host.offset()));
    super::arith::add(cx, x, offset)
}

/// The time in UTC of a local time.
fn gtime(cx: &mut Session, x: K) -> Result {
    let offset = K::Atom(Type::Timespan, Scalar::I64(cx.host.offset()));
    super::arith::subtract(cx, x, offset)
}

fn add_months(cx: &mut Session, x: K, y: K) -> Result {
    let month = crate::convert::cast::cast(Type::Month, &x)?;
    let first = crate::convert::cast::cast(Type::Date, &month)?;
    let day = super::arith::subtract(cx, x, first)?;
    let moved = super::arith::add(cx, month, y)?;
    let date = crate::convert::cast::cast(Type::Date, &moved)?;
    super::arith::add(cx, date, day)
}

pub(super) fn formatted(cx: &mut Session, args: Vec<K>) -> Result {
    let [digits, x] = args.as_slice() else { return Err(type_error()) };
    let digits = digits.as_long().and_then(|d| usize::try_from(d).ok()).filter(|d| *d <= 17);
    let digits = digits.ok_or_else(|| QError::new("domain"))?;
    crate::kernel::atomic::monad(cx, x, &|k| {
        let one = |x: f64| K::str(fixed(x, digits));
        match crate::convert::numeric::floats(k).ok_or_else(type_error)? {
            crate::convert::numeric::Column::Atom(x) => Ok(one(x)),
            crate::convert::numeric::Column::Vec(v) => {
                Ok(K::list(v.iter().map(|x| one(*x)).collect()))
            }
        }
    })
}

/// A number with decimals, halves away from zero as far as the digits of a float go; of a null no
/// text.
fn fixed(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return String::new();
    }
    let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
    let scaled = (x.abs() * scale + 0.5).floor();
    if scaled >= 1e15 {
        return format!("{x:.digits$}");
    }
    let whole = format!("{scaled:0>width$.0}", width = digits + 1);
    let (head, tail) = whole.split_at(whole.len() - digits);
    let sign = if x < 0.0 { "-" } else { "" };
    if digits == 0 { format!("{sign}{head}") } else { format!("{sign}{head}.{tail}") }
}

/// Variables that every session has.
pub(crate) fn globals() -> Vec<(&'static str, K)> {
    let letters = "abcdefghijklmnopqrstuvwxyz";
    let upper = letters.to_ascii_uppercase();
    let words: Vec<Sym> = super::words().map(Sym::new).collect();
    vec![
        (".Q.a", K::str(letters)),
        (".Q.A", K::str(&upper)),
        (".Q.n", K::str("0123456789")),
        (".Q.an", K::str(format!("{letters}{upper}_0123456789"))),
        ("csv", K::char(b',')),
        (".Q.t", K::str(" bg xhijefcspmdznuvts")),
        (".Q.kw", K::syms(words)),
        (".Q.k", K::float(4.0)),
        (".Q.K", K::Atom(Type::Date, Scalar::I32(0))),
    ]
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("show", Class::Other, show, "Prints a value.", "q)show 1 2\n1 2"),
    Verb::word(
        ".Q.s",
        Class::Other,
        console_text,
        "What the console shows.",
        "q).Q.s 1 2\n\"1 2\\n\"",
    ),
    Verb::word(
        ".Q.s1",
        Class::Other,
        line_text,
        "A value on one line.",
        "q).Q.s1 `a`b!1 2\n\"`a`b!1 2\"",
    ),
    Verb::word(
        "views",
        Class::Other,
        views,
        "The names of the views.",
        "q)a:1\nq)v::a+1\nq)views[]\n`s#,`v",
    ),
    Verb::word(
        "view",
        Class::Other,
        view,
        "The text of a view.",
        "q)a:1\nq)v::a+1\nq)view `v\n\"a+1\"",
    ),
    Verb::word(
        "system",
        Class::Other,
        system,
        "Runs a command of the console.",
        "q)system \"P 3\"\nq)1%3\n0.333\nq)system \"c\"\n25 80i\nq)system \"ls\"\n'nyi: \\ls\n\
         q){system \"l x.q\"}\n'nyi: \\l\nq)system \"t 1+1\"\n0",
    ),
    Verb::word(
        "ltime",
        Class::Other,
        ltime,
        "The local time of a time in UTC.",
        "q)ltime 2024.01.05D12\n2024.01.05D12:00:00.000000000",
    ),
    Verb::word(
        "gtime",
        Class::Other,
        gtime,
        "The time in UTC of a local time.",
        "q)t~gtime ltime t:2024.07.05D12\n1b",
    ),
    Verb::infix(
        ".Q.addmonths",
        Class::Other,
        add_months,
        "Moves a date by months.",
        "q).Q.addmonths[2007.10.16;6]\n2008.04.16",
    ),
    Verb::function(
        ".Q.f",
        (2, 2),
        formatted,
        "A number with a number of decimals.",
        "q).Q.f[2;1.234]\n\"1.23\"\nq).Q.f[2;]each 0n 0N 2\n\"\"\n\"\"\n\"2.00\"",
    ),
];
