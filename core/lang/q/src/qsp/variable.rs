//! What `toVariable` does: a variable of the session collects what arrives (spec/kdb-qsp.md §12).

use super::build::Node;
use super::stage::{Output, Stage};
use crate::error::{QError, Result};
use crate::session::{ITEMS_MAX, Session};
use crate::verbs::{join, upsert};
use formats::k::{K, Sym};

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
pub(super) struct Variable;

/// The name of the variable of a writer.
///
/// # Errors
/// There is none.
pub(crate) fn name(node: &Node) -> Result<Sym> {
    node.option("variable").and_then(K::as_sym).ok_or_else(|| QError::new("type: variable"))
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
        other => Err(QError::new(format!("mode: {}", other.unwrap_or("type")))),
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
            _ => None,
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
            Some(old) if old.len() + data.len() > ITEMS_MAX => return Err(QError::limit("wsfull")),
            Some(old) => {
                let given_up = fits(old, &data).transpose()?.is_some();
                let old = if given_up { cx.globals.remove(&name) } else { Some(old.clone()) };
                let old = old.unwrap_or_default();
                match mode {
                    Mode::Upsert if old.keyed().is_some() => {
                        upsert::upserted(cx, old, data.clone())?
                    }
                    _ => join::join(cx, old, data.clone())?,
                }
            }
        };
        cx.globals.insert(name, value);
        out.push((metadata, data));
        Ok(())
    }
}
