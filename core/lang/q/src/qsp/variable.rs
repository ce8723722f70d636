//! What `toVariable` does: a variable of the session collects what arrives (spec/kdb-qsp.md §12).

use super::build::Node;
use super::stage::{Output, Stage};
use crate::error::{QError, Result};
use crate::session::Session;
use crate::verbs::{join, upsert};
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

/// The writer.
pub(super) struct Variable {
    items_max: usize,
}

impl Default for Variable {
    fn default() -> Self {
        Variable { items_max: ITEMS_MAX }
    }
}

/// The name of the variable of a writer.
///
/// # Errors
/// There is none.
pub(crate) fn name(node: &Node) -> Result<Sym> {
    let name = node.option("variable").and_then(K::as_sym).filter(|name| !name.is_null());
    name.ok_or_else(|| QError::new("type: variable"))
}

/// The variable of an operator, if it is one of these.
pub(crate) fn of(node: &Node) -> Option<&'static str> {
    let name = (node.op == "write.toVariable").then(|| node.option("variable")?.as_sym());
    name.flatten().map(|name| name.as_str())
}

/// The mode of a writer.
///
/// # Errors
/// There is no such mode.
pub(crate) fn mode(node: &Node) -> Result<Mode> {
    let Some(given) = node.option("mode") else { return Ok(Mode::Append) };
    match given.as_sym().map(|s| s.as_str()) {
        Some("append") => Ok(Mode::Append),
        Some("overwrite") => Ok(Mode::Overwrite),
        Some("upsert") => Ok(Mode::Upsert),
        Some(other) => Err(QError::new(format!("mode: {other}"))),
        None => Err(QError::new("type: mode")),
    }
}

/// Whether a value can be put to one that is there, which it takes then: a copy would keep it from
/// growing in place. Nothing is said of those of other shapes.
fn fits(old: &K, new: &K) -> Option<Result<()>> {
    match (old.keyed(), new.keyed()) {
        (Some((xk, xv)), Some((yk, yv))) => {
            let all = [(xk, yk), (xv, yv)];
            let known = |(x, y): &(&formats::k::Table, &formats::k::Table)| {
                x.names == y.names
                    && x.iter().all(|(n, c)| y.column(n).is_some_and(|o| o.ty() == c.ty()))
            };
            all.iter().all(known).then_some(Ok(()))
        }
        (None, None) => match (old, new) {
            (K::Vec(_), K::Vec(_) | K::Atom(..)) => Some(Ok(())),
            (K::Table(_), K::Table(_)) => Some(join::joinable(old, new)),
            // Joined they might be something else; an error is one of the new value.
            _ => join::joinable(old, new).err().map(Err),
        },
        _ => None,
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
        let (name, mode) = (name(node)?, mode(node)?);
        // A piece of the spec may have the same name; it is no data.
        let old = cx.globals.get(&name).filter(|old| !matches!(old, K::Func(_)));
        let old = old.filter(|_| mode != Mode::Overwrite);
        let value = match old {
            None => data.clone(),
            Some(old) if old.len() + data.len() > self.items_max => {
                let text = format!("a variable has {} items at most", self.items_max);
                return Err(QError::new(text));
            }
            Some(old) => {
                let new = match (old, &data) {
                    // A row, by the names of its columns.
                    (K::Table(_), K::Dict(_)) if data.keyed().is_none() => data.clone().enlist(),
                    _ => data.clone(),
                };
                let given_up = fits(old, &new).transpose()?.is_some();
                cx.room_behind(old, &new)?;
                let old = if given_up { cx.globals.remove(&name) } else { Some(old.clone()) };
                let old = old.unwrap_or_default();
                match mode {
                    Mode::Upsert if old.keyed().is_some() => upsert::upserted(cx, old, new)?,
                    _ => join::join(cx, old, new)?,
                }
            }
        };
        cx.globals.insert(name, value);
        cx.views.assigned(name);
        out.push((metadata, data));
        Ok(())
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
