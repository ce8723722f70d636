//! `replaceNull`: the median of the first batch, or a given value, instead of nulls.

use super::{column, names, table};
use crate::error::Result;
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs::{self, join::with_column};
use formats::k::{K, Sym, Type};
use std::collections::HashMap;

/// Remembers what replaces the nulls of each column.
#[derive(Clone, Default)]
pub(in crate::qsp) struct ReplaceNull {
    values: HashMap<Sym, K>,
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
        let mut changed = table(&data)?.clone();
        let given = node.option("columns").cloned().unwrap_or_default();
        let columns = match &given {
            K::Dict(d) => names(&d.keys)?,
            other => names(other)?,
        };
        for name in columns {
            let own = column(&changed, name)?;
            let value = match (self.values.get(&name), &given) {
                (Some(value), _) => value.clone(),
                (None, K::Dict(_)) => crate::eval::at(&given, &K::sym(name))?,
                (None, _) => {
                    let median = cx.call1(&verbs::value("med"), own.clone())?;
                    let ty = own.ty().unwrap_or(Type::Float);
                    crate::convert::cast::cast(ty, &median)?
                }
            };
            self.values.insert(name, value.clone());
            let flags = cx.call1(&verbs::value("null"), own.clone())?;
            let new = cx.call2(&verbs::value("^"), value, own)?;
            changed = with_column(&changed, name, new);
            if node.flag("newCol")? {
                changed = with_column(&changed, Sym::new(&format!("{name}NULL")), flags);
            }
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        Some(kept::by_name(&self.values))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        self.values = kept::named(&state)?;
        Ok(())
    }
}
