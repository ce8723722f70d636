//! When readers that end by themselves read: once, or again when they are called or a period of
//! the clock has passed (spec/kdb-rest.md §1).

use super::build::Node;
use super::window::nanos;
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::{Class, Run, Verb};
use formats::k::{K, Type};

/// Shortest period in nanoseconds.
const PERIOD_NS_MIN: i64 = 1_000_000;
/// Nanoseconds of a number that is a period.
const MS: i64 = 1_000_000;

/// When a reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// When the pipeline starts, and then it has ended.
    Once,
    /// When it is called.
    Call,
    /// When it is called, and each period of so many nanoseconds.
    Timer {
        /// The period.
        period: i64,
        /// When the periods begin; with the pipeline where that is not said.
        start: Option<Start>,
    },
}

/// When periods begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nanoseconds since 1970.
    At(i64),
    /// Nanoseconds of the day on which the pipeline starts.
    OfDay(i64),
}

/// Whether a reader ends by itself unless it is triggered.
fn ends(node: &Node) -> bool {
    match node.op {
        "read.fromExpr" | "read.fromHTTP" => true,
        "read.fromFile" => !node.flag("watch").unwrap_or_default(),
        _ => false,
    }
}

impl Trigger {
    /// What the option of a reader says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of(node: &Node) -> Result<Self> {
        let Some(given) = node.option("trigger") else { return Ok(Trigger::Once) };
        let trigger = Trigger::read(given)?;
        if trigger != Trigger::Once && !ends(node) {
            return Err(QError::new("trigger: a reader that watches does not end"));
        }
        Ok(trigger)
    }

    fn read(given: &K) -> Result<Self> {
        let parts: Vec<K> =
            if given.is_atom() { vec![given.clone()] } else { given.items().collect() };
        let wrong = || QError::new("trigger must be `once, `api or (`timer;period;start)");
        let (kind, rest) = parts.split_first().ok_or_else(wrong)?;
        match (kind.as_sym().ok_or_else(wrong)?.as_str(), rest) {
            ("once", []) => Ok(Trigger::Once),
            ("api", []) => Ok(Trigger::Call),
            ("timer", [period]) => Ok(Trigger::Timer { period: length(period)?, start: None }),
            ("timer", [period, start]) => {
                Ok(Trigger::Timer { period: length(period)?, start: begin(start)? })
            }
            ("timer", []) => Err(QError::new("trigger: a timer needs a period")),
            _ => Err(wrong()),
        }
    }
}

/// A period: a length of time, or a number of milliseconds.
fn length(k: &K) -> Result<i64> {
    let wrong = || QError::new("trigger: the period must be a length of time of 1 ms at least");
    let ns = match k.ty() {
        Some(Type::Timestamp | Type::Date | Type::Month | Type::Datetime) => None,
        Some(ty) if ty.is_temporal() => nanos(k).ok(),
        _ => k.as_long().and_then(|ms| ms.checked_mul(MS)),
    };
    ns.filter(|ns| *ns >= PERIOD_NS_MIN).ok_or_else(wrong)
}

/// A point in time, or a time of the day; a null is none.
fn begin(k: &K) -> Result<Option<Start>> {
    let wrong = || QError::new("trigger: the start must be a time");
    if matches!(k, K::Null) {
        return Ok(None);
    }
    let cast = |ty| crate::convert::cast::cast(ty, k).map(|k| k.as_long());
    match k.ty().filter(|_| k.is_atom()).ok_or_else(wrong)? {
        Type::Timestamp | Type::Date | Type::Datetime => {
            let at = cast(Type::Timestamp)?;
            Ok(at.map(|ns| Start::At(ns.saturating_add(EPOCH_DAYS * DAY))))
        }
        Type::Timespan | Type::Minute | Type::Second | Type::Time => match cast(Type::Timespan)? {
            None => Ok(None),
            Some(ns) if (0..DAY).contains(&ns) => Ok(Some(Start::OfDay(ns))),
            Some(_) => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// What lets a reader of this name read.
pub(crate) type Ring = Box<dyn Fn(&str)>;

/// Lets one reader read, or all that can be asked to.
fn trigger_read(cx: &mut Session, x: K) -> Result {
    let named = match x {
        K::Null => None,
        x => Some(super::state::operator(cx, &x)?),
    };
    let asked = |node: &&Node| match named {
        Some(id) => node.id == id,
        None => ends(node) && !matches!(Trigger::of(node), Ok(Trigger::Once)),
    };
    let asked: Vec<&Node> = cx.qsp.nodes.iter().filter(asked).collect();
    if asked.is_empty() {
        let text = "triggerRead: no reader has the option trigger";
        return Err(QError::new(if named.is_none() { text } else { "type" }));
    }
    for node in &asked {
        if !ends(node) {
            let text = format!("triggerRead: {} is no reader that ends by itself", node.name);
            return Err(QError::new(text));
        }
        if Trigger::of(node)? == Trigger::Once {
            let text = format!("triggerRead: {} reads once: it has no trigger", node.name);
            return Err(QError::new(text));
        }
    }
    if let Some(ring) = &cx.qsp.ring {
        asked.iter().for_each(|node| ring(&node.name));
    }
    Ok(K::Null)
}

/// Whether a value of the option can be read at all, for the call that makes the reader.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(cx: &Session) -> Result<()> {
    cx.qsp.nodes.last().ok_or_else(type_error).and_then(Trigger::of).map(|_| ())
}

pub(super) const VERBS: &[Verb] = &[Verb {
    name: ".qsp.triggerRead",
    infix: false,
    class: Class::Other,
    run: Run::Monad(trigger_read),
    summary: "Lets a reader that has ended read again.",
    example: "",
}];

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::Options;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn spec(reader: &str, trigger: &str) -> String {
        format!(
            ".qsp.run .qsp.read.{reader}; .qsp.use `name`trigger!(`r;{trigger})] \
             .qsp.write.toVariable[`v]\n"
        )
    }

    fn read(trigger: &str) -> std::result::Result<Trigger, String> {
        let pipeline = load(&spec("fromExpr[\"1\"", trigger)).map_err(|e| e.text.clone())?;
        Trigger::of(&pipeline.nodes[0]).map_err(|e| e.text.clone())
    }

    #[test]
    fn what_the_option_says() {
        let timer = |period, start| Ok(Trigger::Timer { period, start });
        assert_eq!(read("`once"), Ok(Trigger::Once));
        assert_eq!(read("`api"), Ok(Trigger::Call));
        assert_eq!(read("enlist`api"), Ok(Trigger::Call));
        assert_eq!(read("(`timer;0D00:00:02)"), timer(2_000_000_000, None));
        assert_eq!(read("(`timer;250)"), timer(250_000_000, None));
        assert_eq!(read("(`timer;00:00:01;0Np)"), timer(1_000_000_000, None));
        let noon = Some(Start::OfDay(12 * 3_600_000_000_000));
        assert_eq!(read("(`timer;00:01;12:00:00.000)"), timer(60_000_000_000, noon));
        let at = Some(Start::At(946_684_800_000_000_001));
        assert_eq!(read("(`timer;00:01;2000.01.01D00:00:00.000000001)"), timer(60_000_000_000, at));
    }

    #[test]
    fn what_is_wrong_with_it_is_said_when_the_spec_is_loaded() {
        let kinds = "trigger must be `once, `api or (`timer;period;start)";
        let period = "trigger: the period must be a length of time of 1 ms at least";
        for (trigger, text) in [
            ("`often", kinds),
            ("1", kinds),
            ("()", kinds),
            ("(`api;1)", kinds),
            ("(`timer;1;2;3)", kinds),
            ("`timer", "trigger: a timer needs a period"),
            ("(`timer;0)", period),
            ("(`timer;0D00:00:00.000999999)", period),
            ("(`timer;2000.01.01)", period),
            ("(`timer;\"1\")", period),
            ("(`timer;1;`now)", "trigger: the start must be a time"),
            ("(`timer;1;24:00:00.000)", "trigger: the start must be a time"),
        ] {
            assert_eq!(read(trigger), Err(text.to_owned()), "{trigger}");
        }
        let watches = ".qsp.run .qsp.read.fromFile[`f; .qsp.use `watch`trigger!(1b;`api)] \
            .qsp.write.toVariable[`v]";
        let error = load(watches).unwrap_err();
        assert_eq!(error.text, "trigger: a reader that watches does not end");
    }

    #[test]
    fn calls_reach_readers_that_wait_for_them_and_no_others() {
        let mut cx = Session::new(Options::default());
        let rung: Rc<RefCell<Vec<String>>> = Rc::default();
        let heard = Rc::clone(&rung);
        cx.qsp.ring = Some(Box::new(move |name| heard.borrow_mut().push(name.to_owned())));
        let one = ".qsp.read.fromExpr[\"1\"; .qsp.use `name`trigger!`a`api] .qsp.map[{x}; \
            .qsp.use ``name!``m] .qsp.write.toVariable[`v]";
        let other = ".qsp.read.fromFile[`f; .qsp.use `name`trigger!(`b;(`timer;1))] \
            .qsp.write.toVariable[`w]";
        let last = ".qsp.read.fromExpr[\"1\"; .qsp.use ``name!``c] .qsp.write.toVariable[`u]";
        cx.load_script(&format!("x:{one}\ny:{other}\nz:{last}\n.qsp.run (x;y;z)\n")).unwrap();
        let mut ask = |text: &str| cx.eval(text, "test").map_err(|e| e.text.clone());
        ask(".qsp.triggerRead`a").unwrap();
        assert_eq!(*rung.borrow(), ["a"]);
        ask(".qsp.triggerRead[]").unwrap();
        assert_eq!(*rung.borrow(), ["a", "a", "b"]);
        for (text, why) in [
            ("`m", "triggerRead: m is no reader that ends by itself"),
            ("`c", "triggerRead: c reads once: it has no trigger"),
            ("`nope", "nope"),
        ] {
            assert_eq!(ask(&format!(".qsp.triggerRead{text}")), Err(why.to_owned()));
        }
        assert_eq!(rung.borrow().len(), 3);
    }

    #[test]
    fn what_has_no_trigger_says_so() {
        let mut cx = Session::new(Options::default());
        cx.load_script(&spec("fromExpr[\"1\"", "`once")).unwrap();
        let error = cx.eval(".qsp.triggerRead[]", "test").unwrap_err();
        assert_eq!(error.text, "triggerRead: no reader has the option trigger");
    }
}
