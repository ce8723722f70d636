//! `replaceInfinity`: the greatest or least value so far instead of infinities.

use super::{column, names, table};
use crate::convert::numeric::{Column, NULL, floats, from_floats, from_ints, ints};
use crate::error::{QError, Result, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs::join::with_column;
use formats::k::{K, Scalar, Sym, Type};
use std::collections::HashMap;

/// Remembers the extremes of each column across batches.
#[derive(Clone, Default)]
pub(in crate::qsp) struct ReplaceInfinity {
    extremes: HashMap<Sym, Extremes>,
}

/// The least and the greatest value of a column; each is an infinity while there are none.
#[derive(Clone, Copy)]
enum Extremes {
    Ints(i64, i64),
    Floats(f64, f64),
}

impl Extremes {
    /// As whole numbers. States of older versions have floats for all columns.
    fn ints(self, infinity: i64) -> (i64, i64) {
        match self {
            Self::Ints(least, greatest) => (least, greatest),
            Self::Floats(least, greatest) if least <= greatest => (least as i64, greatest as i64),
            Self::Floats(..) => (infinity, -infinity),
        }
    }

    fn floats(self) -> (f64, f64) {
        match self {
            Self::Ints(least, greatest) if least <= greatest => (least as f64, greatest as f64),
            Self::Ints(..) => (f64::INFINITY, f64::NEG_INFINITY),
            Self::Floats(least, greatest) => (least, greatest),
        }
    }
}

/// What is put in the place of infinities, and which they were.
struct Replaced {
    items: K,
    flags: Vec<u8>,
    extremes: Extremes,
}

/// The infinity of a type of whole numbers, where it has one.
fn infinity(ty: Type) -> Option<i64> {
    match ty.null() {
        Scalar::I16(_) => Some(i16::MAX.into()),
        Scalar::I32(_) => Some(i32::MAX.into()),
        Scalar::I64(_) => Some(i64::MAX),
        _ => None,
    }
}

/// The values with the least or the greatest before each infinity in its place; `None` when there
/// is none.
fn replaced<T: Copy + PartialOrd>(
    items: &[T],
    infinities: (T, T),
    is_null: impl Fn(T) -> bool,
    extremes: &mut (T, T),
) -> Option<(Vec<T>, Vec<u8>)> {
    let (low, high) = infinities;
    let (mut new, mut flags) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for x in items.iter().copied() {
        let infinite = x == low || x == high;
        flags.push(u8::from(infinite));
        if infinite && extremes.0 > extremes.1 {
            return None;
        }
        new.push(match x {
            x if x == low => extremes.0,
            x if x == high => extremes.1,
            x => x,
        });
        if !infinite && !is_null(x) {
            if x < extremes.0 {
                extremes.0 = x;
            }
            if x > extremes.1 {
                extremes.1 = x;
            }
        }
    }
    Some((new, flags))
}

impl ReplaceInfinity {
    fn column(&self, name: Sym, own: &K) -> Result<Replaced> {
        let ty = own.ty().ok_or_else(type_error)?;
        let known = self.extremes.get(&name).copied();
        let none = || QError::new(format!("{name} begins with an infinity"));
        if let (Some(most), Some(Column::Vec(items))) = (infinity(ty), ints(own)) {
            let mut extremes = known.map_or((most, -most), |known| known.ints(most));
            let is_null = |x| x == NULL;
            let made = replaced(&items, (-most, most), is_null, &mut extremes);
            let (items, flags) = made.ok_or_else(none)?;
            let items = from_ints(ty, Column::Vec(items.into()));
            return Ok(Replaced { items, flags, extremes: Extremes::Ints(extremes.0, extremes.1) });
        }
        let Some(Column::Vec(items)) = floats(own) else { return Err(type_error()) };
        let infinities = (f64::NEG_INFINITY, f64::INFINITY);
        let mut extremes = known.map_or((infinities.1, infinities.0), Extremes::floats);
        let made = replaced(&items, infinities, f64::is_nan, &mut extremes);
        let (new, flags) = made.ok_or_else(none)?;
        // What is neither has no infinities.
        let items = match ty.is_floating() {
            true => from_floats(ty, Column::Vec(new.into())),
            false => own.clone(),
        };
        Ok(Replaced { items, flags, extremes: Extremes::Floats(extremes.0, extremes.1) })
    }
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
            let new = self.column(name, &column(&changed, name)?)?;
            self.extremes.insert(name, new.extremes);
            changed = with_column(&changed, name, new.items);
            if node.flag("newCol")? {
                let extra = Sym::new(&format!("{name}INF"));
                changed = with_column(&changed, extra, K::bools(new.flags));
            }
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let pair = |extremes: &Extremes| match *extremes {
            Extremes::Ints(least, greatest) => K::longs(vec![least, greatest]),
            Extremes::Floats(least, greatest) => K::floats(vec![least, greatest]),
        };
        let pairs: HashMap<Sym, K> = self.extremes.iter().map(|(n, p)| (*n, pair(p))).collect();
        Some(kept::by_name(&pairs))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        for (name, pair) in kept::named(&state)? {
            let extremes = match (pair.as_longs(), floats(&pair)) {
                (Some([least, greatest]), _) => Extremes::Ints(*least, *greatest),
                (None, Some(Column::Vec(items))) => match *items {
                    [least, greatest] => Extremes::Floats(least, greatest),
                    _ => return Err(kept::foreign()),
                },
                _ => return Err(kept::foreign()),
            };
            self.extremes.insert(name, extremes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qsp::testing::Line;

    fn line() -> Line {
        Line::new(".qsp.transform.replaceInfinity[`x; .qsp.use ``newCol!(::;1b)] .qsp.map[{x`x}]")
    }

    #[test]
    fn whole_numbers_and_times_stay_what_they_are() {
        for (given, want) in [
            ("1 0W 3 -0W", "1 1 3 1"),
            ("1 5 0N 0W -0W", "1 5 0N 5 1"),
            ("9007199254740993 0W", "9007199254740993 9007199254740993"),
            ("1 0W 3 -0Wi", "1 1 3 1i"),
            ("1 0W 3h", "1 1 3h"),
            ("1 0w 3 -0we", "1 1 3 1e"),
            ("1 0w 3 -0w 0n", "1 1 3 1 0n"),
            ("00:00:01.000 0Wt", "00:00:01.000 00:00:01.000"),
            ("0D00:00:02 -0Wn", "0D00:00:02.000000000 0D00:00:02.000000000"),
            ("2024.01.01 0Wd", "2024.01.01 2024.01.01"),
            ("101b", "101b"),
            ("0x01ff", "0x01ff"),
        ] {
            assert_eq!(line().give(&format!("([]x:{given})")), [want], "{given}");
        }
    }

    #[test]
    fn extremes_go_on_from_batch_to_batch_and_none_is_an_error() {
        for (first, second, want) in
            [("4 2", "0W -0W 7", "4 2 7"), ("4 2f", "0w -0w 7", "4 2 7f"), ("4 2", "0w 7", "4 7f")]
        {
            let mut line = line();
            assert!(line.fails(&format!("([]x:{second})")), "{second}");
            line.give(&format!("([]x:{first})"));
            assert_eq!(line.give(&format!("([]x:{second})")), [want], "{second}");
        }
        assert!(line().fails("([]x:0N 0W)"));
        assert!(line().fails("([]x:`a`b)"));
    }

    #[test]
    fn states_of_older_versions_have_floats_for_all_columns() {
        let mut cx = Session::new(crate::session::Options::default());
        let spec = ".qsp.run .qsp.read.fromCallback[`p] .qsp.transform.replaceInfinity[`x] \
            .qsp.write.toVariable[`v]";
        let node = crate::qsp::load(spec).unwrap().nodes[1].clone();
        for pair in [K::floats(vec![2.0, 4.0]), K::longs(vec![2, 4])] {
            let mut stage = ReplaceInfinity::default();
            stage.resume(kept::by_name(&[(Sym::new("x"), pair)].into())).unwrap();
            let mut out = Output::new();
            let data = cx.eval("([]x:0W -0W)", "data").unwrap();
            stage.batch(&mut cx, &node, K::Null, data, &mut out).unwrap();
            assert_eq!(crate::display::text(&out[0].1), "+(,`x)!,4 2");
        }
    }
}
