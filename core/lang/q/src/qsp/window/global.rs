//! Windows that a function of the program ends.

use super::{hold, metadata, records};
use crate::error::{Result, domain_error, type_error};
use crate::func::Fun;
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage, call, handle};
use crate::session::Session;
use formats::k::K;

/// Emits what is before each of the places that the trigger gives; what follows the last stays.
///
/// The trigger gets the operator, all records that are held, the place at which the new ones
/// begin, the metadata and the new ones; with fewer parameters only the records that are held, or
/// the metadata and these.
#[derive(Default)]
pub(in crate::qsp) struct Global {
    held: Option<K>,
    emitted: i64,
}

impl Global {
    /// The places at which the records are split, in order.
    fn places(
        &self,
        cx: &mut Session,
        node: &Node,
        offset: usize,
        metadata: &K,
        data: K,
    ) -> Result<Vec<usize>> {
        let all = self.held.clone().unwrap_or_default();
        let f = node.option("trigger").cloned().ok_or_else(type_error)?;
        let given = if node.option("params").is_some() {
            let node = Node { func: Some(f), ..node.clone() };
            call(cx, &node, false, metadata, all)?
        } else {
            let args = match Fun::rank(&f) {
                0 | 1 => vec![all],
                2 => vec![metadata.clone(), all],
                _ => vec![handle(node), all, K::long(offset as i64), metadata.clone(), data],
            };
            cx.apply(&f, &args)?
        };
        let length = self.held.as_ref().map_or(0, K::len);
        let mut places = Vec::new();
        for place in given.items().filter(|p| !matches!(p, K::Null)) {
            let place = place.as_long().and_then(|p| usize::try_from(p).ok());
            places.push(place.filter(|p| *p <= length).ok_or_else(domain_error)?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }
}

impl Stage for Global {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        md: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let dictionaries = node.number("acceptDictionaries", 1)? != 0;
        let mixed = node.flag("mixedSchemas")?;
        let data = records(data, dictionaries)?;
        let offset = self.held.as_ref().map_or(0, K::len);
        hold(cx, &mut self.held, data.clone(), mixed)?;
        let places = match self.places(cx, node, offset, &md, data) {
            Ok(places) => places,
            Err(error) => {
                self.held = self.held.take().map(|all| all.slice(0, offset));
                return Err(error);
            }
        };
        let Some(all) = self.held.take() else { return Ok(()) };
        let mut start = 0;
        for end in places.into_iter().filter(|p| *p > 0) {
            out.push((metadata(K::long(self.emitted)), all.slice(start, end)));
            self.emitted += 1;
            start = end;
        }
        self.held = Some(if start == 0 { all } else { all.slice(start, all.len()) });
        Ok(())
    }

    fn finish(&mut self, _: &mut Session, _: &Node, out: &mut Output) -> Result<()> {
        if let Some(rest) = self.held.take().filter(|rest| !rest.is_empty()) {
            out.push((metadata(K::long(self.emitted)), rest));
            self.emitted += 1;
        }
        Ok(())
    }

    fn state(&self) -> Option<K> {
        Some(K::list(vec![kept::held(self.held.as_ref()), K::long(self.emitted)]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        (self.held, self.emitted) = (parts.held()?, parts.long()?);
        Ok(())
    }
}
