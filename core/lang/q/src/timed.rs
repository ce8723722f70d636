//! `\t` and `\ts`: how long an expression takes.

use crate::error::{QError, Result};
use crate::session::{DEPTH_MAX, Session};
use formats::k::K;

/// Nanoseconds of a millisecond.
const MILLISECOND: i64 = 1_000_000;
/// Levels of calls that a text which is timed counts for: it needs the room of so many.
const LEVELS: usize = 8;

/// What a command asks to be timed: whether room is asked for as well, how often it is to be
/// evaluated, and its text. Nothing for other commands and for the timer, `\t 100`.
fn asked(command: &str) -> Option<Result<(bool, i64, &str)>> {
    let command = command.trim();
    let at = command.find(char::is_whitespace)?;
    let (word, text) = (command.get(..at)?, command.get(at..)?.trim());
    let (name, times) = word.split_once(':').unwrap_or((word, "1"));
    if !matches!(name, "t" | "ts") || text.parse::<i64>().is_ok() || text.starts_with('/') {
        return None;
    }
    let times = times.parse().map_err(|_| QError::new(word));
    Some(times.map(|times| (name == "ts", times, text)))
}

impl Session {
    /// The milliseconds that a command took, when it asks for them, by the clock of the host; and
    /// for `\ts` the bytes of the result when it is sent.
    pub(crate) fn timed(&mut self, command: &str) -> Result<Option<K>> {
        let Some(asked) = asked(command) else { return Ok(None) };
        let (room, times, text) = asked?;
        let before = self.host.now();
        let mut result = K::Null;
        for _ in 0..times {
            self.charge(1)?;
            result = self.one_of(text)?;
        }
        let taken = (self.host.now() - before) / MILLISECOND;
        if !room {
            return Ok(Some(K::long(taken)));
        }
        let bytes = crate::verbs::sent_bytes(self, result).unwrap_or_default();
        Ok(Some(K::longs(vec![taken, bytes])))
    }

    /// The value of a text that is timed, which may time others in turn.
    fn one_of(&mut self, text: &str) -> Result {
        let usual = self.depth;
        if usual + LEVELS > DEPTH_MAX {
            return Err(QError::limit("stack"));
        }
        self.depth += LEVELS;
        let value = self.statements(text);
        self.depth = usual;
        value.map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use crate::session::{FixedHost, Host, Options, Session};
    use crate::transcript::check;

    /// A clock of a place that is two hours ahead.
    struct East(FixedHost);

    impl Host for East {
        fn now(&mut self) -> i64 {
            self.0.now += 5_000_000;
            self.0.now
        }

        fn offset(&mut self) -> i64 {
            7_200_000_000_000
        }

        fn random(&mut self) -> u64 {
            self.0.random()
        }
    }

    #[test]
    fn time_is_that_of_the_host() {
        let host = Box::new(East(FixedHost::default()));
        let mut session = Session::new(Options { host, ..Options::default() });
        let mut shown = |text: &str| {
            let value = session.eval(text, "test").unwrap();
            session.show(&value)
        };
        assert_eq!(shown("ltime 2024.01.05D12"), "2024.01.05D14:00:00.000000000");
        assert_eq!(shown("gtime 2024.01.05D12"), "2024.01.05D10:00:00.000000000");
        assert_eq!(shown("system \"t 1+1\""), "5");
    }

    #[test]
    fn timing_within_timing_is_limited() {
        let text = format!("{}1", "\\t ".repeat(100_000));
        let error = Session::new(Options::default()).eval(&text, "test").unwrap_err();
        assert!(error.fatal, "{error}");
        check("q)\\t \\t 1+1\n0").unwrap();
    }

    #[test]
    fn what_is_timed_is_done() {
        check(
            "q)a:0\nq)\\t a+:1\n0\nq)\\t:10 a+:1\n0\nq)a\n11\nq)\\ts til 10\n0 94\nq)\\ts:2 a+:1\n\
             0 17\nq)a\n13\nq)\\t 1+`x\n'type\nq)\\t:x 1\n'nyi: \\t:x\nq)\\t\n0i\nq)\\t 100\n'nyi: \\t",
        )
        .unwrap();
    }
}
