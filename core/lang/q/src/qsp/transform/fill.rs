//! `fill`: replaces nulls by a default, or by the value before or after.

use super::{column, table};
use crate::error::{QError, Result, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs::{self, join::with_column};
use formats::k::{K, Sym};
use std::collections::HashMap;

/// Remembers the last value of each column, which fills what comes later.
#[derive(Clone, Default)]
pub(in crate::qsp) struct Fill {
    last: HashMap<Sym, K>,
}

impl Fill {
    fn filled(&mut self, cx: &mut Session, mode: &str, name: Sym, own: K, default: K) -> Result {
        let ty = default.ty().ok_or_else(type_error)?;
        let own = crate::convert::cast::cast(ty, &own)?;
        if mode == "static" {
            return cx.call2(&verbs::value("^"), default, own);
        }
        let fills = verbs::value("fills");
        if mode == "up" {
            let reverse = verbs::value("reverse");
            let turned = cx.call1(&reverse, own)?;
            let turned = cx.call1(&fills, turned)?;
            let back = cx.call1(&reverse, turned)?;
            return cx.call2(&verbs::value("^"), default, back);
        }
        let own = cx.call1(&fills, own)?;
        let before = self.last.get(&name).cloned().unwrap_or(default);
        let out = cx.call2(&verbs::value("^"), before, own)?;
        if let Some(end) = out.len().checked_sub(1) {
            self.last.insert(name, out.at(end));
        }
        Ok(out)
    }
}

impl Stage for Fill {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let Some(K::Dict(defaults)) = node.option("defaults") else { return Err(type_error()) };
        let names = defaults.keys.as_syms().ok_or_else(type_error)?;
        let mode = node.option("mode").and_then(K::as_sym).map_or("static", |s| s.as_str());
        if !matches!(mode, "static" | "down" | "up") {
            return Err(QError::new(format!("mode: {mode}")));
        }
        let mut filled = table(&data)?.clone();
        for (name, default) in names.iter().zip(defaults.values.items()) {
            let own = column(&filled, *name)?;
            let new = self.filled(cx, mode, *name, own, default)?;
            filled = with_column(&filled, *name, new);
        }
        out.push((metadata, table_k(filled)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        Some(kept::by_name(&self.last))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        self.last = kept::named(&state)?;
        Ok(())
    }
}
