//! What a program says in the log: enough to follow it, however much it says.

use std::rc::Rc;

use plan::{Component, Log, Services};

use super::message::Message;

/// Lines of one program that are logged within one period; the others are counted.
pub(super) const LINES_PER_PERIOD_MAX: usize = 1_000;
/// The period.
const PERIOD_NS: u64 = 1_000_000_000;

/// The console of one program.
pub(super) struct Console {
    services: Rc<dyn Services>,
    label: String,
    path: String,
    /// When the period began.
    began_ns: u64,
    said: usize,
    left_out: u64,
}

impl Console {
    pub(super) fn new(component: &Component, services: Rc<dyn Services>) -> Self {
        let Component { label, path, .. } = component;
        let (label, path, began_ns) = (label.clone(), path.clone(), services.now_ns());
        Console { services, label, path, began_ns, said: 0, left_out: 0 }
    }

    /// Logs the lines of a message, unless there were too many of late.
    pub(super) fn say(&mut self, message: &mut Message) {
        self.say_at(self.services.now_ns(), message);
    }

    fn say_at(&mut self, now_ns: u64, message: &mut Message) {
        if now_ns.saturating_sub(self.began_ns) >= PERIOD_NS {
            (self.began_ns, self.said) = (now_ns, 0);
            self.tell();
        }
        self.left_out += message.unsaid;
        for (level, line) in message.lines.drain(..) {
            if self.said < LINES_PER_PERIOD_MAX {
                self.said += 1;
                self.log(level, &line);
            } else {
                self.left_out += 1;
            }
        }
    }

    /// Says how many lines were left out.
    fn tell(&mut self) {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            self.log(Log::Warn, &format!("{left_out} more lines of the console were not logged"));
        }
    }

    fn log(&self, level: Log, line: &str) {
        self.services.log(level, line, &[("label", &self.label), ("path", &self.path)]);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::LINES_MAX;
    use super::*;
    use crate::testing::TestServices;

    fn talkative(lines: usize) -> Message {
        let mut message = Message::default();
        for number in 0..lines {
            message.say(Log::Info, number.to_string());
        }
        message
    }

    #[test]
    fn lines_have_a_limit_in_a_second_and_those_beyond_are_counted() {
        let services = Rc::new(TestServices::default());
        let mut console =
            Console::new(&Component::new("javascript", plan::Json::Null), services.clone());
        let began = console.began_ns;
        let logged = || services.logs.borrow().len();
        // The last message says more than one may, besides.
        for lines in [LINES_MAX, LINES_MAX + 5].repeat(LINES_PER_PERIOD_MAX / LINES_MAX / 2) {
            console.say_at(began, &mut talkative(lines));
        }
        console.say_at(began + PERIOD_NS - 1, &mut talkative(3));
        assert_eq!(logged(), LINES_PER_PERIOD_MAX);
        console.say_at(began + PERIOD_NS, &mut talkative(1));
        let last = |count: usize| {
            let logs = services.logs.borrow();
            logs[logs.len() - count..].to_vec()
        };
        assert_eq!(last(2), ["28 more lines of the console were not logged", "0"]);
        console.say_at(began + PERIOD_NS, &mut talkative(LINES_MAX + 1));
        drop(console);
        assert_eq!(last(1), ["1 more lines of the console were not logged"]);
    }
}
