//! `replaceNull`: the median so far, or a given value, instead of nulls.

use super::{column, names, table};
use crate::error::{QError, Result};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs::{self, join, join::with_column};
use formats::k::{K, Sym, Type};
use std::collections::HashMap;

/// Records that wait for their medians at most.
const WAITING_MAX: i64 = 1 << 26;

/// Remembers what replaces the nulls of each column: of columns that are only named, the median of
/// the first `bufferSize` records, or of the first batch. Until then batches wait.
#[derive(Clone, Default)]
pub(in crate::qsp) struct ReplaceNull {
    values: HashMap<Sym, K>,
    waiting: Vec<(K, K)>,
}

/// How many records wait.
pub(super) fn size(node: &Node) -> Result<i64> {
    let size = node.number("bufferSize", 0)?;
    if !(0..=WAITING_MAX).contains(&size) {
        return Err(QError::new(format!("bufferSize: from 0 to {WAITING_MAX}")));
    }
    Ok(size)
}

impl ReplaceNull {
    /// Learns what replaces the nulls of the columns in a table.
    fn learn(&mut self, cx: &mut Session, given: &K, data: &K) -> Result<()> {
        let columns = match given {
            K::Dict(d) => names(&d.keys)?,
            other => names(other)?,
        };
        for name in columns {
            let own = column(table(data)?, name)?;
            if self.values.contains_key(&name) {
                continue;
            }
            let value = match given {
                K::Dict(_) => crate::eval::at(given, &K::sym(name))?,
                _ => {
                    let nulls = cx.call1(&verbs::value("null"), own.clone())?;
                    let present = cx.call1(&verbs::value("not"), nulls)?;
                    let places = verbs::where_true(cx, present)?;
                    let present = own.gather(places.as_longs().unwrap_or_default());
                    let median = cx.call1(&verbs::value("med"), present)?;
                    crate::convert::cast::cast(own.ty().unwrap_or(Type::Float), &median)?
                }
            };
            self.values.insert(name, value);
        }
        Ok(())
    }

    fn replaced(&self, cx: &mut Session, node: &Node, given: &K, data: &K) -> Result {
        let mut changed = table(data)?.clone();
        let columns = match given {
            K::Dict(d) => names(&d.keys)?,
            other => names(other)?,
        };
        for name in columns {
            let own = column(&changed, name)?;
            let value = self.values.get(&name).cloned().unwrap_or_default();
            let flags = cx.call1(&verbs::value("null"), own.clone())?;
            let new = cx.call2(&verbs::value("^"), value, own)?;
            changed = with_column(&changed, name, new);
            if node.flag("newCol")? {
                changed = with_column(&changed, Sym::new(&format!("{name}NULL")), flags);
            }
        }
        Ok(table_k(changed))
    }

    /// Hands on what waited, with the medians of all of it.
    fn release(
        &mut self,
        cx: &mut Session,
        node: &Node,
        given: &K,
        out: &mut Output,
    ) -> Result<()> {
        let mut all: Option<K> = None;
        for (_, data) in &self.waiting {
            all = Some(match all {
                Some(before) => join::join(cx, before, data.clone())?,
                None => data.clone(),
            });
        }
        let Some(all) = all else { return Ok(()) };
        self.learn(cx, given, &all)?;
        for (metadata, data) in std::mem::take(&mut self.waiting) {
            let data = self.replaced(cx, node, given, &data)?;
            out.push((metadata, data));
        }
        Ok(())
    }
}

impl Stage for ReplaceNull {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let given = node.option("columns").cloned().unwrap_or_default();
        let size = size(node)?;
        let known = !self.values.is_empty() || matches!(given, K::Dict(_));
        if known {
            self.learn(cx, &given, &data)?;
            out.push((metadata, self.replaced(cx, node, &given, &data)?));
            return Ok(());
        }
        // What waits is looked at now, so that what is wrong with it is said now.
        for name in names(&given)? {
            column(table(&data)?, name)?;
        }
        if let Some((_, first)) = self.waiting.first() {
            join::joinable(first, &data)?;
        }
        let rows: usize = self.waiting.iter().map(|(_, k)| k.len()).sum();
        let enough = (rows + data.len()) as i64 >= size;
        self.waiting.push((metadata, data));
        if enough { self.release(cx, node, &given, out) } else { Ok(()) }
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let given = node.option("columns").cloned().unwrap_or_default();
        self.release(cx, node, &given, out)
    }

    fn state(&self) -> Option<K> {
        let pair = |(metadata, data): &(K, K)| K::list(vec![metadata.clone(), data.clone()]);
        let waiting = K::list(self.waiting.iter().map(pair).collect());
        Some(K::list(vec![kept::by_name(&self.values), waiting]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        self.values = kept::named(&parts.next()?)?;
        for pair in parts.next()?.items() {
            let mut pair = Parts::of(&pair);
            self.waiting.push((pair.next()?, pair.next()?));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn batches_wait_for_the_median_of_enough_records() {
        let mut line = Line::new(
            ".qsp.transform.replaceNull[`x; .qsp.use ``bufferSize!(::;4)] .qsp.map[{x`x}]",
        );
        assert_eq!(line.give("([]x:0n 1f)").len(), 0);
        assert!(line.fails("([]y:1 2)"));
        assert_eq!(line.give("([]x:5 9f)"), ["5 1f", "5 9f"]);
        assert_eq!(line.give("([]x:enlist 0n)"), [",5f"], "and it stays");
    }

    #[test]
    fn what_waits_and_does_not_fit_is_refused() {
        let mut line = Line::new(
            ".qsp.transform.replaceNull[`x; .qsp.use ``bufferSize!(::;6)] .qsp.map[{x`x}]",
        );
        assert_eq!(line.give("([]x:0n 1f)").len(), 0);
        assert!(line.fails("([]x:1 2f;y:1 2)"), "at once, and not when there are enough");
        assert_eq!(line.give("([]x:5 9f)").len(), 0);
        assert_eq!(line.give("([]x:5 5f)"), ["5 1f", "5 9f", "5 5f"]);
    }

    #[test]
    fn what_waits_at_the_end_is_handed_on() {
        let operator = ".qsp.transform.replaceNull[`x; .qsp.use `bufferSize`newCol!(9;1b)]";
        let mut line = Line::new(operator);
        assert_eq!(line.give("([]x:0n 3 4 5)").len(), 0);
        assert_eq!(line.end(), ["+`x`xNULL!(4 3 4 5f;1000b)"]);
    }
}
