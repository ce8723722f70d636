//! A line of operators in a session, for tests.

use super::build::{Kind, load};
use super::run::Runner;
use super::stage::Output;
use crate::error::Result;
use crate::session::{Options, Session};
use formats::k::K;

/// The operators between a reader and a writer.
pub(super) struct Line {
    pub(super) cx: Session,
    runners: Vec<Runner>,
}

impl Line {
    /// A line of operators, as a spec has them.
    pub(super) fn new(operators: &str) -> Self {
        let spec =
            format!(".qsp.run .qsp.read.fromCallback[`p] {operators} .qsp.write.toVariable[`v]");
        let pipeline = load(&spec).unwrap();
        let mut cx = Session::new(Options::default());
        cx.load_script(&spec).unwrap();
        let nodes = pipeline.nodes.into_iter().filter(|n| n.kind == Kind::Operator);
        Line { cx, runners: nodes.map(|n| Runner::new(n).unwrap()).collect() }
    }

    /// What comes out for a value.
    pub(super) fn value(&mut self, value: K) -> Result<Vec<K>> {
        let mut data = vec![(K::Null, value)];
        for runner in &mut self.runners {
            let mut next = Output::new();
            for (metadata, value) in data {
                runner.batch(&mut self.cx, metadata, value, &mut next)?;
            }
            data = next;
        }
        Ok(data.into_iter().map(|(_, k)| k).collect())
    }

    /// What comes out for the value of a text, as texts.
    pub(super) fn give(&mut self, text: &str) -> Vec<String> {
        let value = self.cx.eval(text, "value").unwrap();
        let out = self.value(value).unwrap();
        out.iter().map(crate::display::text).collect()
    }

    /// Whether a value is refused.
    pub(super) fn fails(&mut self, text: &str) -> bool {
        let value = self.cx.eval(text, "value").unwrap();
        self.value(value).is_err()
    }

    /// What is handed out at the end.
    pub(super) fn end(&mut self) -> Vec<String> {
        let mut data = Output::new();
        for runner in &mut self.runners {
            let mut next = Output::new();
            for (metadata, value) in data {
                runner.batch(&mut self.cx, metadata, value, &mut next).unwrap();
            }
            runner.finish(&mut self.cx, &mut next).unwrap();
            data = next;
        }
        data.iter().map(|(_, k)| crate::display::text(k)).collect()
    }
}
