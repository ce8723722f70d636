//! Groups of rows whose keys are near each other: by a table of all keys that there might be.
//!
//! Keys are near each other also when they are multiples of a number that is large itself, as the
//! beginnings of bars of time are.

use super::divisor::Divisor;
use super::group::{Groups, dense_max};
use super::hash::NONE;
use super::words::{ends, integer};
use formats::k::{Data, K, Vector};

/// Places at which two items are looked at to find the number of which all are multiples.
const SAMPLE: usize = 64;

/// The number of the key of each row, in the order of the keys.
pub(crate) struct Dense {
    numbers: Vec<u32>,
    /// No number is as great.
    size: usize,
}

/// How the items of a column become numbers from 0 on.
struct Digit<'a> {
    data: &'a Data,
    low: u64,
    /// What items differ by, or a multiple of it.
    step: Option<Divisor>,
    count: u64,
}

/// The greatest number of which what items differ by are multiples, as far as a sample tells.
fn step(items: &[i64]) -> Option<i64> {
    let first = items.first()?;
    // Also the next ones: of what goes up and down regularly, items at equal distances may differ
    // by more.
    let parts = items.chunks(1.max(items.len() / SAMPLE));
    let sample = parts.flat_map(|part| part.iter().take(2));
    let mut step = 0;
    for item in sample {
        let mut rest = item.abs_diff(*first);
        while rest != 0 {
            (step, rest) = (rest, step % rest);
        }
    }
    i64::try_from(step).ok()
}

impl<'a> Digit<'a> {
    /// How the items of a column become less than `limit` numbers.
    fn of(column: &'a K, limit: u64) -> Option<Self> {
        let K::Vec(Vector { data, .. }) = column else { return None };
        let (low, high) = ends(data)?;
        let far = high.checked_sub(low)?;
        if far < limit {
            return Some(Self { data, low, step: None, count: far + 1 });
        }
        let Data::I64(items) = data else { return None };
        let step = step(items).filter(|step| *step > 1)?;
        let count = far / step.cast_unsigned() + 1;
        let near = far <= i64::MAX.cast_unsigned() && count <= limit;
        near.then_some(Self { data, low, step: Some(Divisor::new(step)?), count })
    }

    /// The numbers of the items behind those of the columns before, if there are some. `None` when
    /// an item is no multiple of the step after all.
    fn put(&self, before: Option<Vec<u32>>) -> Option<Vec<u32>> {
        fn all<T: Copy>(
            v: &[T],
            before: Option<Vec<u32>>,
            count: u32,
            digit: impl Fn(T) -> u32,
        ) -> Vec<u32> {
            let Some(mut numbers) = before else { return v.iter().map(|x| digit(*x)).collect() };
            let put = |(to, x): (&mut u32, &T)| *to = *to * count + digit(*x);
            numbers.iter_mut().zip(v).for_each(put);
            numbers
        }
        let (low, count) = (self.low, self.count as u32);
        let near = |word: u64| (word - low) as u32;
        Some(match self.data {
            Data::U8(v) => all(v, before, count, |x| near(u64::from(x))),
            Data::I16(v) => all(v, before, count, |x| near(integer(i64::from(x)))),
            Data::I32(v) => all(v, before, count, |x| near(integer(i64::from(x)))),
            Data::Sym(v) => all(v, before, count, |x| near(u64::from(x.id()))),
            Data::I64(v) => match self.step {
                None => all(v, before, count, |x| near(integer(x))),
                Some(step) => {
                    let far = |x: i64| (integer(x) - low).cast_signed();
                    if v.iter().fold(0, |rest, x| rest | step.modulo(far(*x))) != 0 {
                        return None;
                    }
                    all(v, before, count, |x| step.div(far(x)) as u32)
                }
            },
            Data::F32(_) | Data::F64(_) | Data::Guid(_) | Data::List(_) => return None,
        })
    }
}

impl Dense {
    /// The numbers of the rows of columns; `None` for columns of other kinds, and where they are
    /// far apart.
    pub(crate) fn of(columns: &[K]) -> Option<Self> {
        let rows = columns.first().map(K::len).filter(|rows| *rows > 0)?;
        let limit = dense_max(rows).min(u64::from(NONE));
        let mut size = 1u64;
        let mut digits = Vec::with_capacity(columns.len());
        for column in columns {
            let digit = Digit::of(column, limit)?;
            size = size.checked_mul(digit.count).filter(|size| *size <= limit)?;
            digits.push(digit);
        }
        let mut numbers = None;
        for digit in digits {
            numbers = Some(digit.put(numbers)?);
        }
        Some(Self { numbers: numbers?, size: size as usize })
    }

    /// The groups of equal rows, as they first appear.
    pub(crate) fn groups(mut self) -> Groups {
        let mut known = vec![NONE; self.size];
        let mut firsts = Vec::new();
        for (row, number) in (0i64..).zip(&mut self.numbers) {
            let Some(slot) = known.get_mut(*number as usize) else { continue };
            if *slot == NONE {
                *slot = firsts.len() as u32;
                firsts.push(row);
            }
            *number = *slot;
        }
        Groups { ids: self.numbers, firsts }
    }

    /// The groups of equal rows in ascending order of the keys.
    pub(crate) fn ordered_groups(mut self) -> Groups {
        let mut table = vec![NONE; self.size];
        // From the last row on, so that the first is what stays.
        for (row, number) in self.numbers.iter().enumerate().rev() {
            if let Some(slot) = table.get_mut(*number as usize) {
                *slot = row as u32;
            }
        }
        let mut firsts = Vec::new();
        for slot in table.iter_mut().filter(|slot| **slot != NONE) {
            firsts.push(i64::from(*slot));
            *slot = firsts.len() as u32 - 1;
        }
        for number in &mut self.numbers {
            *number = table.get(*number as usize).copied().unwrap_or(0);
        }
        Groups { ids: self.numbers, firsts }
    }
}

/// The groups of a column that ascends; `None` for others.
pub(crate) fn runs(columns: &[K]) -> Option<Groups> {
    fn of<T: Copy + PartialOrd>(v: &[T]) -> Option<Groups> {
        let mut last = *v.first().filter(|_| v.is_sorted())?;
        let (mut ids, mut firsts) = (Vec::with_capacity(v.len()), vec![0]);
        let mut id = 0;
        for (row, x) in (0..).zip(v) {
            if *x != last {
                (last, id) = (*x, id + 1);
                firsts.push(row);
            }
            ids.push(id);
        }
        Some(Groups { ids, firsts })
    }
    match columns {
        [K::Vec(Vector { data: Data::I64(v), .. })] => of(v),
        [K::Vec(Vector { data: Data::I32(v), .. })] => of(v),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::group::groups;
    use super::super::order;
    use super::*;
    use crate::kernel::tests::{TYPES, atom};
    use proptest::prelude::*;

    fn table(columns: &[K]) -> K {
        let names = ["a".into(), "b".into()].into_iter().take(columns.len()).collect();
        K::table(names, columns.to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn groups_are_those_of_equal_rows_in_order(
            rows in prop::collection::vec((-3i16..4, -3i16..4), 1..60),
            types in (0..TYPES.len(), 0..TYPES.len()),
            both in any::<bool>(),
            scale in prop_oneof![Just(1i64), Just(60), Just(3_600_000_000_000), Just(1 << 58)],
            odd in prop::option::of(0usize..60),
        ) {
            let column = |ty: usize, seed: &dyn Fn(&(i16, i16)) -> i16| {
                let items = rows.iter().map(|row| atom(TYPES[ty], seed(row)));
                K::collapse(items.collect())
            };
            let mut bars: Vec<i64> =
                rows.iter().map(|row| i64::from(row.0).wrapping_mul(scale)).collect();
            // One that is no multiple.
            if let Some(bar) = odd.and_then(|at| bars.get_mut(at)) {
                *bar = bar.wrapping_add(1);
            }
            let (left, right) = (column(types.0, &|row| row.0), column(types.1, &|row| row.1));
            for columns in [vec![left, right.clone()], vec![K::longs(bars), right]] {
                let columns = if both { columns } else { columns[..1].to_vec() };
                let whole = table(&columns);
                let row = |at: i64| whole.at(at as usize);
                let check = |found: &Groups| -> Result<(), TestCaseError> {
                    prop_assert_eq!(found.ids.len(), rows.len());
                    for (at, id) in found.ids.iter().enumerate() {
                        let first = found.firsts[*id as usize];
                        prop_assert!(first <= at as i64);
                        prop_assert_eq!(row(first), whole.at(at));
                    }
                    Ok(())
                };
                let count = groups(&whole).unwrap().firsts.len();
                let direct = [
                    Dense::of(&columns).map(Dense::groups),
                    Dense::of(&columns).map(Dense::ordered_groups),
                    runs(&columns),
                ];
                for found in direct.iter().flatten() {
                    check(found)?;
                    prop_assert_eq!(found.firsts.len(), count);
                }
                if let Some(first) = &direct[0] {
                    prop_assert!(first.firsts.is_sorted());
                }
                let symbols = columns.iter().any(|c| c.ty() == Some(formats::k::Type::Symbol));
                for found in direct[1..].iter().flatten().filter(|_| !symbols) {
                    let keys = whole.gather(&found.firsts);
                    let order = order::ascending(&keys).unwrap();
                    prop_assert!(order.is_sorted(), "{:?}", keys);
                }
            }
        }
    }

    #[test]
    fn bars_of_time_are_near_each_other() {
        let minute = 60_000_000_000;
        let mut times: Vec<i64> = (0..1000).map(|n| (n * 7 % 500) * minute).collect();
        assert_eq!(Dense::of(&[K::longs(times.clone())]).map(|dense| dense.size), Some(500));
        times[501] += 1;
        assert!(Dense::of(&[K::longs(times)]).is_none());
    }
}
