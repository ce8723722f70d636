//! `.qsp.write.toVariable`: what arrives is kept in a variable of the pipeline.

use super::build::Node;
use super::stage::{Output, Stage};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::{self, join};
use formats::k::{K, Sym};

/// Items or rows that a variable keeps.
const ITEMS_MAX: usize = 100_000_000;

/// What a new value does to the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Is joined to its end.
    Append,
    /// Replaces it.
    Overwrite,
    /// Replaces what has the same keys and is joined otherwise.
    Upsert,
}

impl Mode {
    /// What the options of a writer say.
    ///
    /// # Errors
    /// There is no such mode.
    pub(crate) fn of(node: &Node) -> Result<Self> {
        let Some(mode) = node.option("mode") else { return Ok(Mode::Append) };
        match mode.as_sym().map(|s| s.as_str()) {
            Some("append") => Ok(Mode::Append),
            Some("overwrite") => Ok(Mode::Overwrite),
            Some("upsert") => Ok(Mode::Upsert),
            Some(other) => Err(QError::new(format!("mode: {other}"))),
            None => Err(QError::new("type: mode")),
        }
    }
}

impl Session {
    /// Shows a variable to whoever looks from outside.
    fn publish(&self, name: &str, value: K) {
        if let Some(publish) = &self.qsp.publisher {
            publish(name, value);
        }
    }
}

/// Keeps values, and hands them on to be counted.
pub(super) struct Variable {
    items_max: usize,
}

impl Default for Variable {
    fn default() -> Self {
        Self { items_max: ITEMS_MAX }
    }
}

impl Variable {
    /// What becomes of a variable; when that is not possible, it comes back as it was.
    fn joined(
        &self,
        cx: &mut Session,
        mode: Mode,
        old: K,
        new: K,
    ) -> std::result::Result<K, (K, QError)> {
        if old.len() + new.len() > self.items_max {
            let text = format!("a variable has {} items at most", self.items_max);
            return Err((old, QError::new(text)));
        }
        if mode == Mode::Upsert && old.keyed().is_some() {
            let upsert = verbs::value("upsert");
            return cx.call2(&upsert, old.clone(), new).map_err(|error| (old, error));
        }
        let new = match (&old, new) {
            // A row, by the names of its columns.
            (K::Table(_), row @ K::Dict(_)) if row.keyed().is_none() => row.enlist(),
            (_, new) => new,
        };
        // Nobody else has the old value, which grows in place: it must not get lost on the way.
        match join::joinable(&old, &new) {
            Ok(()) => join::join(cx, old, new).map_err(|error| (K::Null, error)),
            Err(error) => Err((old, error)),
        }
    }
}

impl Stage for Variable {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let name: Sym = node.option("variable").and_then(K::as_sym).ok_or_else(type_error)?;
        let mode = Mode::of(node)?;
        let before = cx.globals.remove(&name).filter(|_| mode != Mode::Overwrite);
        cx.publish(name.as_str(), K::Null);
        let (value, result) = match before {
            None => (data.clone(), Ok(())),
            Some(before) => match self.joined(cx, mode, before, data.clone()) {
                Ok(joined) => (joined, Ok(())),
                Err((before, error)) => (before, Err(error)),
            },
        };
        cx.globals.insert(name, value.clone());
        cx.publish(name.as_str(), value);
        if result.is_ok() {
            out.push((metadata, data));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::Options;

    /// What a variable is after values, and what those say that do not fit.
    fn kept(mode: &str, values: &[&str]) -> (String, Vec<String>) {
        let spec = format!(
            ".qsp.run .qsp.read.fromCallback[`p] \
             .qsp.write.toVariable[`out; .qsp.use ``mode!``{mode}]"
        );
        let node = load(&spec).unwrap().nodes.pop().unwrap();
        let (mut cx, mut errors) = (Session::new(Options::default()), Vec::new());
        let mut variable = Variable { items_max: 5 };
        for value in values {
            let (value, mut out) = (cx.eval(value, "value").unwrap(), Output::new());
            match variable.batch(&mut cx, &node, K::Null, value.clone(), &mut out) {
                Ok(()) => assert_eq!(out, [(K::Null, value)]),
                Err(error) => errors.push(error.text.clone()),
            }
        }
        let shown = cx.eval("-3!out", "test").unwrap();
        (String::from_utf8(shown.as_text().unwrap().to_vec()).unwrap(), errors)
    }

    #[test]
    fn modes() {
        let two = ["([]a:1 2)", "([]a:enlist 3)"];
        assert_eq!(kept("append", &two).0, "+(,`a)!,1 2 3");
        assert_eq!(kept("overwrite", &two).0, "+(,`a)!,,3");
        assert_eq!(kept("upsert", &two).0, "+(,`a)!,1 2 3");
        let keyed = ["([k:1 2]v:10 20)", "([k:2 3]v:21 31)"];
        assert_eq!(kept("upsert", &keyed).0, "(+(,`k)!,1 2 3)!+(,`v)!,10 21 31");
        assert_eq!(kept("append", &["1", "2 3"]).0, "1 2 3");
        assert_eq!(kept("append", &["([]a:1 2)", "enlist[`a]!enlist 3"]).0, "+(,`a)!,1 2 3");
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let (value, errors) = kept("append", &["([]a:1 2)", "([]b:1 2)", "([]a:enlist 3)"]);
        assert_eq!((value.as_str(), errors), ("+(,`a)!,1 2 3", vec!["mismatch".to_owned()]));
        let (value, errors) = kept("upsert", &["([k:1 2]v:1 2)", "([k:1 2]w:1 2)"]);
        assert_eq!((value.as_str(), errors.len()), ("(+(,`k)!,1 2)!+(,`v)!,1 2", 1));
        let (value, errors) = kept("append", &["til 4", "til 2", "7"]);
        let limit = "a variable has 5 items at most".to_owned();
        assert_eq!((value.as_str(), errors), ("0 1 2 3 7", vec![limit]));
    }
}
