use std::sync::Arc;

use arrow_array::types::{Float64Type, Int64Type};
use plan::DataType;
use proptest::prelude::*;

use super::partials::Groups;
use super::*;
use crate::columns::types::array_from;
use crate::kept;

fn all() -> Layout {
    let functions = [
        Function::Sum,
        Function::Avg,
        Function::Count,
        Function::Min,
        Function::Max,
        Function::Median,
    ];
    let requests: Vec<Request> = functions
        .iter()
        .flat_map(|f| [("i", DataType::I64), ("f", DataType::F64)].map(|(c, ty)| (*f, c, ty)))
        .map(|(function, column, ty)| Request {
            function,
            column: Some(column.into()),
            name: format!("{function:?}{column}"),
            ty,
            unless: None,
        })
        .collect();
    let types = |name: &str| Some(if name == "i" { DataType::I64 } else { DataType::F64 });
    Layout::new(&requests, types).unwrap()
}

fn partials(layout: &Layout, rows: &[(u32, i64)]) -> Partials {
    let ids: Vec<u32> = rows.iter().map(|r| r.0).collect();
    let ints = array_from::<Int64Type>(rows.iter().map(|r| r.1).collect());
    // Small integers as floats: their sums are exact, so that any order gives the same bits.
    let floats = array_from::<Float64Type>(rows.iter().map(|r| (r.1 % 1000) as f64).collect());
    let columns: Vec<_> = layout
        .cells
        .iter()
        .map(|c| match c.column.as_str() {
            "i" => (Arc::clone(&ints), DataType::I64),
            _ => (Arc::clone(&floats), DataType::F64),
        })
        .map(|(array, ty)| CellColumn { array, ty, unless: None })
        .collect();
    let mut result = Partials::default();
    result.add(layout, 0, Groups::Ids(&ids), &columns, 0..rows.len()).unwrap();
    result
}

fn results(layout: &Layout, mut partials: Partials) -> Vec<(u32, Vec<u64>)> {
    let mut ids = partials.touched().to_vec();
    ids.sort_unstable();
    ids.iter()
        .map(|id| {
            let mut out = vec![Vec::new(); layout.outputs.len()];
            partials.finish(layout, *id, &mut out);
            (*id, out.into_iter().flatten().collect())
        })
        .collect()
}

fn merged(layout: &Layout, parts: &[&Partials]) -> Partials {
    let mut all = Partials::default();
    for part in parts {
        all.merge(layout, part).unwrap();
    }
    all
}

proptest! {
    #[test]
    fn merging_is_associative_and_equals_adding(
        a in prop::collection::vec((0u32..5, -5000i64..5000), 0..20),
        b in prop::collection::vec((0u32..5, -5000i64..5000), 0..20),
        c in prop::collection::vec((0u32..5, -5000i64..5000), 0..20),
    ) {
        let layout = all();
        let (pa, pb, pc) =
            (partials(&layout, &a), partials(&layout, &b), partials(&layout, &c));
        let left = merged(&layout, &[&merged(&layout, &[&pa, &pb]), &pc]);
        let right = merged(&layout, &[&pa, &merged(&layout, &[&pb, &pc])]);
        let whole: Vec<_> = a.iter().chain(&b).chain(&c).copied().collect();
        let whole = results(&layout, partials(&layout, &whole));
        prop_assert_eq!(&results(&layout, left), &whole);
        prop_assert_eq!(&results(&layout, right), &whole);
    }

    #[test]
    fn a_snapshot_is_the_state(rows in prop::collection::vec((0u32..5, -5000i64..5000), 0..20)) {
        let layout = all();
        let state = partials(&layout, &rows);
        let bytes = kept::write(1, &state).unwrap();
        let back: Partials = kept::read(1, &bytes).unwrap();
        prop_assert_eq!(results(&layout, back), results(&layout, state));
    }
}

#[test]
fn aggregates_share_cells() {
    // Sum and mean share one; minimum, maximum and median have their own, and so has the upper part
    // of a mean of integers; the count is free.
    assert_eq!(all().cells.len(), 9);
    let of = |column: &str, ty: DataType, function: Function| Request {
        function,
        column: Some(column.into()),
        name: "r".into(),
        ty,
        unless: None,
    };
    // Numbers of up to 32 bits, and those with a point, need no more than their sum.
    for (ty, cells) in [(DataType::F64, 1), (DataType::I32, 1), (DataType::U64, 2)] {
        let both = [of("a", ty, Function::Sum), of("a", ty, Function::Avg)];
        assert_eq!(Layout::new(&both, |_| Some(ty)).unwrap().cells.len(), cells, "{ty:?}");
    }
}

#[test]
fn a_mean_of_integers_is_cut() {
    assert_eq!(avg::finish(Class::Int, -7i64 as u64, None, 2, false) as i64, -3);
    assert_eq!(avg::finish(Class::Uint, 7, None, 2, false), 3);
    assert_eq!(f64::from_bits(avg::finish(Class::Uint, 7, None, 2, true)), 3.5);
}

/// The mean of numbers by the cells of two parts that are merged.
fn mean(class: Class, values: &[u64], cut: usize, as_float: bool) -> u64 {
    let sums = |values: &[u64]| {
        let add = |(sum, high), value: &u64| {
            (sum::int(sum, *value), sum::int(high, avg::upper(class, *value)))
        };
        values.iter().fold((0, 0), add)
    };
    let (a, b) = values.split_at(cut.min(values.len()));
    let ((sum, high), (more, more_high)) = (sums(a), sums(b));
    let sum = Kind::Sum(class).merge(sum, more);
    let high = Kind::Upper(class).merge(high, more_high);
    avg::finish(class, sum, Some(high), values.len() as u64, as_float)
}

proptest! {
    #[test]
    fn a_mean_of_integers_does_not_wrap_around(
        values in prop::collection::vec(
            prop_oneof![
                any::<u64>(), Just(u64::MAX), Just(i64::MAX as u64), Just(1u64 << 63), 0u64..9
            ],
            1..60,
        ),
        cut in 0usize..60,
    ) {
        let rows = values.len() as i128;
        let unsigned: i128 = values.iter().map(|v| i128::from(*v)).sum();
        let signed: i128 = values.iter().map(|v| i128::from(*v as i64)).sum();
        prop_assert_eq!(i128::from(mean(Class::Uint, &values, cut, false)), unsigned / rows);
        prop_assert_eq!(i128::from(mean(Class::Int, &values, cut, false) as i64), signed / rows);
        let float = f64::from_bits(mean(Class::Int, &values, cut, true));
        prop_assert_eq!(float, signed as f64 / rows as f64);
    }
}

#[test]
fn a_median_of_an_even_number_lies_between() {
    assert_eq!(median::finish(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    assert_eq!(median::finish(&mut [3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median::finish(&mut []), 0.0);
}

#[test]
fn rows_may_be_passed_over() {
    let functions = [
        Function::Count,
        Function::Sum,
        Function::Avg,
        Function::Min,
        Function::Max,
        Function::Median,
    ];
    let requests: Vec<Request> = functions
        .iter()
        .map(|function| Request {
            function: *function,
            column: Some("i".into()),
            name: format!("{function:?}"),
            ty: DataType::F64,
            unless: Some("n".into()),
        })
        .collect();
    let types = |name: &str| Some(if name == "n" { DataType::Bool } else { DataType::I64 });
    let layout = Layout::new(&requests, types).unwrap();
    let array = array_from::<Int64Type>(vec![1, 100, 3, 50, 8]);
    let unless: arrow_array::ArrayRef =
        Arc::new(arrow_array::BooleanArray::from(vec![false, true, false, true, false]));
    let ty = DataType::I64;
    let column = CellColumn { array, ty, unless: Some(unless) };
    let columns = vec![column; layout.cells.len()];
    for (groups, expected) in [
        (Groups::One(5), vec![vec![3.0, 12.0, 4.0, 1.0, 8.0, 3.0]]),
        (
            Groups::Ids(&[0, 0, 0, 1, 2]),
            vec![vec![2.0, 4.0, 2.0, 1.0, 3.0, 2.0], vec![], vec![1.0, 8.0, 8.0, 8.0, 8.0, 8.0]],
        ),
    ] {
        let mut result = Partials::default();
        result.add(&layout, 0, groups, &columns, 0..5).unwrap();
        for (id, expected) in (0..).zip(expected) {
            let mut out = vec![Vec::new(); layout.outputs.len()];
            result.finish(&layout, id, &mut out);
            let number = |output: &Output, bits: u64| match output.result_class() {
                Class::Float => f64::from_bits(bits),
                Class::Int => bits as i64 as f64,
                Class::Uint => bits as f64,
            };
            let all = layout.outputs.iter().zip(&out);
            let got: Vec<f64> = all.map(|(output, bits)| number(output, bits[0])).collect();
            if expected.is_empty() {
                assert_eq!(got[0], 0.0, "no rows of the group are left");
            } else {
                assert_eq!(got, expected);
            }
        }
    }
    let other = |_: &str| Some(DataType::I64);
    assert!(Layout::new(&requests, other).is_err(), "only booleans pass over rows");
}
