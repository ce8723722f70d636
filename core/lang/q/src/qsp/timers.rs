//! `.tm`: functions that a running pipeline calls again and again, or once.

use crate::error::{QError, Result, rank_error};
use crate::session::Session;
use crate::verbs::{Class, Polyad, Run, Verb};
use formats::k::K;

/// Timers that a session may have.
pub(crate) const TIMERS_MAX: usize = 1000;
const MILLISECOND_NS: i64 = 1_000_000;

struct Timer {
    id: K,
    /// A function and its arguments, or a text.
    call: K,
    /// Time between two calls; none for one that is called once.
    every_ns: Option<i64>,
    due_ns: i64,
}

/// The timers of a session.
#[derive(Default)]
pub(crate) struct Timers(Vec<Timer>);

impl Timers {
    /// When the next one is to be called, in nanoseconds since 1970.
    pub(crate) fn due(&self) -> Option<i64> {
        self.0.iter().map(|timer| timer.due_ns).min()
    }

    /// What they hold.
    pub(crate) fn values(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|timer| &timer.call)
    }

    /// The name and the call of each whose time has come, in the order of their times. Times that
    /// have passed meanwhile are left out.
    pub(crate) fn take_due(&mut self, now_ns: i64) -> Vec<(String, K)> {
        let mut due: Vec<(i64, String, K)> = Vec::new();
        for timer in self.0.iter_mut().filter(|timer| timer.due_ns <= now_ns) {
            due.push((timer.due_ns, shown(&timer.id), timer.call.clone()));
            if let Some(every) = timer.every_ns {
                let passed = now_ns.saturating_sub(timer.due_ns) / every;
                let ahead = passed.saturating_add(1).saturating_mul(every);
                timer.due_ns = timer.due_ns.saturating_add(ahead);
            }
        }
        self.0.retain(|timer| timer.every_ns.is_some() || timer.due_ns > now_ns);
        due.sort_by_key(|(at, ..)| *at);
        due.into_iter().map(|(_, name, call)| (name, call)).collect()
    }
}

fn shown(id: &K) -> String {
    format!(".tm {}", crate::display::plain(id, 7))
}

/// A number of milliseconds as nanoseconds.
fn span(k: &K, name: &str, least: i64) -> Result<i64> {
    let given = k.as_long().filter(|ms| *ms >= least);
    let ns = given.and_then(|ms| ms.checked_mul(MILLISECOND_NS));
    ns.ok_or_else(|| QError::new(format!("{name}: at least {least} ms")))
}

fn set(cx: &mut Session, id: &K, call: &K, every_ns: Option<i64>, wait_ns: i64) -> Result {
    cx.qsp.timers.0.retain(|timer| timer.id != *id);
    if cx.qsp.timers.0.len() >= TIMERS_MAX {
        return Err(QError::new(format!("there are {TIMERS_MAX} timers already")));
    }
    let due_ns = cx.host.now().saturating_add(wait_ns);
    let (id, call) = (id.clone(), call.clone());
    cx.qsp.timers.0.push(Timer { id, call, every_ns, due_ns });
    Ok(K::Null)
}

/// `.tm.add[id;call;period;wait]`: again and again, first after `wait`, or a period where that is
/// 0.
fn add(cx: &mut Session, args: Vec<K>) -> Result {
    let [id, call, period, rest @ ..] = args.as_slice() else { return Err(rank_error()) };
    let every = span(period, ".tm.add", 1)?;
    let wait = rest.first().map_or(Ok(0), |wait| span(wait, ".tm.add", 0))?;
    set(cx, id, call, Some(every), if wait > 0 { wait } else { every })
}

/// `.tm.add1shot[id;call;wait]`: once.
fn add_one_shot(cx: &mut Session, args: Vec<K>) -> Result {
    let [id, call, wait, ..] = args.as_slice() else { return Err(rank_error()) };
    let wait = span(wait, ".tm.add1shot", 0)?;
    set(cx, id, call, None, wait)
}

fn del(cx: &mut Session, id: K) -> Result {
    cx.qsp.timers.0.retain(|timer| timer.id != id);
    Ok(K::Null)
}

const fn timer(name: &'static str, run: Run) -> Verb {
    let summary = "Calls a function of a running pipeline when its time has come.";
    Verb { name, infix: false, class: Class::Other, run, summary, example: "" }
}

const fn several(run: Polyad) -> Run {
    Run::Many { min: 3, max: 4, run }
}

pub(super) const VERBS: &[Verb] = &[
    timer(".tm.add", several(add)),
    timer(".tm.add1shot", several(add_one_shot)),
    timer(".tm.del", Run::Monad(del)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Options;

    const NOW: i64 = 1_704_067_200_000_000_000;

    fn names(cx: &mut Session, ms: i64) -> Vec<String> {
        let due = cx.qsp.timers.take_due(NOW + ms * MILLISECOND_NS);
        due.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn timers_are_due_at_their_periods_and_times_that_have_passed_are_left_out() {
        let mut cx = Session::new(Options::default());
        cx.eval(".tm.add[`a;(`f;1);100;0]; .tm.add[`b;(`f;1);100;50]", "test").unwrap();
        cx.eval(".tm.add1shot[`c;(`f;1);120]", "test").unwrap();
        assert_eq!(cx.qsp.timers.due(), Some(NOW + 50 * MILLISECOND_NS));
        assert_eq!(names(&mut cx, 49), [""; 0]);
        assert_eq!(names(&mut cx, 120), [".tm b", ".tm a", ".tm c"]);
        assert_eq!(names(&mut cx, 149), [""; 0], "one of them was once");
        assert_eq!(names(&mut cx, 1000), [".tm b", ".tm a"], "not for each that has passed");
        assert_eq!(cx.qsp.timers.due(), Some(NOW + 1050 * MILLISECOND_NS));
        cx.eval(".tm.add[`b;(`f;1);1000;0]; .tm.del`a", "test").unwrap();
        assert_eq!(cx.qsp.timers.due(), Some(NOW + 1000 * MILLISECOND_NS), "it was set anew");
        cx.eval(".tm.del`b", "test").unwrap();
        assert_eq!(cx.qsp.timers.due(), None);
    }

    #[test]
    fn there_are_only_so_many_and_what_is_wrong_is_said() {
        let mut cx = Session::new(Options::default());
        let mut error = |text: &str| cx.eval(text, "test").err().map(|e| e.text.clone());
        let text = Some(".tm.add: at least 1 ms".to_owned());
        for wrong in ["0", "-1", "0N", "`a", "0W"] {
            assert_eq!(error(&format!(".tm.add[`a;({{x}};1);{wrong};0]")), text, "{wrong}");
        }
        assert_eq!(error(&format!("{{.tm.add[x;({{x}};1);1;0]}} each til {TIMERS_MAX}")), None);
        let full = Some(format!("there are {TIMERS_MAX} timers already"));
        assert_eq!(error(".tm.add1shot[`more;({x};1);1]"), full);
        assert_eq!(error(".tm.add[5;({x};1);1;0]"), None, "in the place of another one");
    }
}
