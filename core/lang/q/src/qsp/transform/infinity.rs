//! `replaceInfinity`: the greatest or least value so far instead of infinities.

use super::{column, names, table};
use crate::convert::numeric::{Column, floats, from_floats};
use crate::error::{QError, Result, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs::join::with_column;
use formats::k::{K, Sym, Type};
use std::collections::HashMap;

/// Remembers the extremes of each column across batches.
#[derive(Clone, Default)]
pub(in crate::qsp) struct ReplaceInfinity {
    extremes: HashMap<Sym, (f64, f64)>,
}

impl Stage for ReplaceInfinity {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let mut changed = table(&data)?.clone();
        for name in names(node.option("columns").unwrap_or(&K::Null))? {
            let own = column(&changed, name)?;
            let ty = own.ty().filter(|t| t.is_floating()).unwrap_or(Type::Float);
            let Some(Column::Vec(items)) = floats(&own) else { return Err(type_error()) };
            let none = (f64::INFINITY, f64::NEG_INFINITY);
            let (mut least, mut greatest) = self.extremes.get(&name).copied().unwrap_or(none);
            let mut new = Vec::with_capacity(items.len());
            let mut flags = Vec::with_capacity(items.len());
            for x in items.iter() {
                flags.push(u8::from(x.is_infinite()));
                if x.is_infinite() {
                    let instead = if *x > 0.0 { greatest } else { least };
                    if instead.is_infinite() {
                        return Err(QError::new(format!("{name} begins with an infinity")));
                    }
                    new.push(instead);
                    continue;
                }
                if !x.is_nan() {
                    least = least.min(*x);
                    greatest = greatest.max(*x);
                }
                new.push(*x);
            }
            self.extremes.insert(name, (least, greatest));
            changed = with_column(&changed, name, from_floats(ty, Column::Vec(new.into())));
            if node.flag("newCol")? {
                let extra = Sym::new(&format!("{name}INF"));
                changed = with_column(&changed, extra, K::bools(flags));
            }
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let pair = |(least, greatest): &(f64, f64)| K::floats(vec![*least, *greatest]);
        let pairs: HashMap<Sym, K> = self.extremes.iter().map(|(n, p)| (*n, pair(p))).collect();
        Some(kept::by_name(&pairs))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        for (name, pair) in kept::named(&state)? {
            let Some(Column::Vec(items)) = floats(&pair) else { return Err(kept::foreign()) };
            let [least, greatest] = *items else { return Err(kept::foreign()) };
            self.extremes.insert(name, (least, greatest));
        }
        Ok(())
    }
}
