use plan::serde_json::json;
use proptest::prelude::*;

use super::expr::{Compiled, Program, STEPS_MAX, Step};
use super::testing::{columns, examples, lines, run};
use super::*;

fn program(steps: plan::Json) -> Program {
    plan::serde_json::from_value(steps).unwrap()
}

/// The value of the last step over some rows, as lines.
fn value(input: &[&str], steps: plan::Json) -> Result<Vec<String>, String> {
    let input = columns(input);
    let compiled = Compiled::new(&program(steps), &input.schema)?;
    let array = compiled.eval_array(&input)?;
    let field = plan::Field { name: "x".into(), ty: compiled.ty() };
    let schema = std::sync::Arc::new(plan::Schema { fields: vec![field] });
    Ok(lines(&plan::Columns::new(schema, vec![array])).split_off(1))
}

#[test]
fn the_examples_hold() {
    ALL.iter().for_each(|spec| examples(spec));
}

#[test]
fn integers_wrap_and_division_truncates() {
    let input = ["a:i8,b:i8", "127,2", "-7,2"];
    let op = |name: &str| json!([{"col": "a"}, {"col": "b"}, {"op": name, "type": "i8", "args": [0, 1]}]);
    assert_eq!(value(&input, op("add")).unwrap(), ["-127", "-5"]);
    assert_eq!(value(&input, op("div")).unwrap(), ["63", "-3"]);
    assert_eq!(value(&input, op("rem")).unwrap(), ["1", "-1"]);
    assert_eq!(value(&input, op("gt")).unwrap(), ["true", "false"]);
}

#[test]
fn division_by_zero_is_an_error_only_where_it_matters() {
    let input = ["a:i64,b:i64", "8,2", "8,0"];
    let divide = json!([{"col": "a"}, {"col": "b"}, {"op": "div", "type": "i64", "args": [0, 1]}]);
    assert_eq!(value(&input, divide).unwrap_err(), "division by zero");
    let guarded = json!([{"col": "a"}, {"col": "b"}, {"value": 0, "type": "i64"},
        {"op": "ne", "type": "i64", "args": [1, 2]},
        {"op": "div", "type": "i64", "args": [0, 1]},
        {"op": "gt", "type": "i64", "args": [4, 2]},
        {"op": "and", "type": "bool", "args": [3, 5]}]);
    assert_eq!(value(&input, guarded).unwrap(), ["true", "false"]);
    let chosen = json!([{"col": "a"}, {"col": "b"}, {"value": 0, "type": "i64"},
        {"op": "ne", "type": "i64", "args": [1, 2]},
        {"op": "div", "type": "i64", "args": [0, 1]},
        {"op": "case", "type": "i64", "args": [3, 4, 0]}]);
    assert_eq!(value(&input, chosen).unwrap(), ["4", "8"]);
}

#[test]
fn casts_are_those_of_c() {
    let cast = |to: &str| json!([{"col": "a"}, {"op": "cast", "type": to, "args": [0]}]);
    assert_eq!(value(&["a:f64", "2.9", "-2.9"], cast("i32")).unwrap(), ["2", "-2"]);
    assert_eq!(value(&["a:i64", "300", "-1"], cast("u8")).unwrap(), ["44", "255"]);
    assert_eq!(value(&["a:i64", "0", "-1"], cast("bool")).unwrap(), ["false", "true"]);
    assert_eq!(value(&["a:bool", "true", "false"], cast("f32")).unwrap(), ["1", "0"]);
    assert!(value(&["a:text", "x"], cast("i64")).is_err());
}

#[test]
fn text_compares_by_bytes() {
    let test = |op: &str| {
        json!([{"col": "t"}, {"value": "b", "type": "text"},
               {"op": op, "type": "text", "args": [0, 1]}])
    };
    let input = ["t:text", "a", "b", "c"];
    assert_eq!(value(&input, test("eq")).unwrap(), ["false", "true", "false"]);
    assert_eq!(value(&input, test("lt")).unwrap(), ["true", "false", "false"]);
    assert_eq!(value(&input, test("ge")).unwrap(), ["false", "true", "true"]);
}

#[test]
fn expressions_are_checked() {
    let input = ["a:i64,t:text", "1,x"];
    let wrong = [
        json!([]),
        json!([{"col": "nope"}]),
        json!([{"op": "add", "type": "i64", "args": [0, 1]}]),
        json!([{"col": "a"}, {"op": "add", "type": "i64", "args": [0]}]),
        json!([{"col": "a"}, {"op": "add", "type": "i32", "args": [0, 0]}]),
        json!([{"col": "t"}, {"op": "neg", "type": "text", "args": [0]}]),
        json!([{"col": "a"}, {"op": "sqrt", "type": "i64", "args": [0]}]),
        json!([{"col": "a"}, {"op": "case", "type": "i64", "args": [0, 0]}]),
        json!([{"value": "x", "type": "i64"}]),
    ];
    for steps in wrong {
        assert!(value(&input, steps.clone()).is_err(), "{steps}");
    }
    let long = Program(vec![Step::Column { col: "a".into() }; STEPS_MAX + 1]);
    assert!(Compiled::new(&long, &columns(&input).schema).is_err());
}

#[test]
fn a_filter_remembers_the_rows_of_the_source() {
    let input = columns(&["v:i64", "1", "9", "8", "2", "7"]);
    let twice = |c: Columns| {
        let kept = select::keep(c, vec![1, 2, 4]);
        select::keep(kept, vec![0, 2])
    };
    let kept = twice(input);
    assert_eq!(kept.source_rows, 5);
    assert_eq!(kept.places.as_deref(), Some(&vec![1, 4]));
    assert_eq!(lines(&kept), ["v:i64", "9", "7"]);
}

#[test]
fn a_limit_counts_over_batches() {
    let batch = || columns(&["v:i64", "1", "2"]);
    let got = run(&limit::SPEC, &json!({"count": 3}), vec![batch(), batch(), batch()]);
    assert_eq!(got, ["v:i64", "1", "2", "1"]);
}

#[test]
fn a_limit_goes_on_where_it_was_kept_unless_its_source_begins_anew() {
    let build = |config| (limit::SPEC.build)(&config, &testing::Fake::default()).unwrap();
    let batch = || plan::Batch::new(Data::Columns(columns(&["v:i64", "1", "2"])));
    let (mut first, mut out) = (build(json!({"count": 3})), Vec::new());
    testing::done(first.on_batch(batch(), &mut out));
    let mut second = build(json!({"count": 3}));
    second.restore(&first.snapshot().unwrap().unwrap()).unwrap();
    testing::done(second.on_batch(batch(), &mut out));
    assert_eq!(testing::rows_of(out), ["v:i64", "1", "2", "1"]);
    let anew = build(json!({"count": 3, "kept": false}));
    assert_eq!(anew.snapshot().unwrap(), None);
}

proptest! {
    #[test]
    fn taking_and_joining_rows_agree(items in prop::collection::vec("[a-c]{0,3}", 1..20)) {
        let rows: Vec<String> = std::iter::once("t:text,n:i32,b:bool".to_owned())
            .chain(items.iter().map(|s| format!("{s},{},{}", s.len(), s.len() > 1)))
            .collect();
        let refs: Vec<&str> = rows.iter().map(String::as_str).collect();
        let all = columns(&refs);
        let half = items.len() as u32 / 2;
        for array in &all.arrays {
            let head = select::take(array, &(0..half).collect::<Vec<_>>());
            let tail = select::take(array, &(half..items.len() as u32).collect::<Vec<_>>());
            let joined = select::concat(&[head, tail]).unwrap();
            prop_assert_eq!(&joined, array);
        }
    }

    #[test]
    fn arithmetic_agrees_with_the_machine(a: i64, b: i64) {
        let input = ["a:i64,b:i64".to_owned(), format!("{a},{b}")];
        let input: Vec<&str> = input.iter().map(String::as_str).collect();
        let op = |name: &str| value(&input, json!([{"col": "a"}, {"col": "b"},
            {"op": name, "type": "i64", "args": [0, 1]}]));
        prop_assert_eq!(op("add").unwrap(), [a.wrapping_add(b).to_string()]);
        prop_assert_eq!(op("mul").unwrap(), [a.wrapping_mul(b).to_string()]);
        if b != 0 {
            prop_assert_eq!(op("div").unwrap(), [a.wrapping_div(b).to_string()]);
        }
    }
}

#[test]
fn texts_are_joined_and_measured() {
    let input = ["a:text,b:text", "ab,c", "\u{e9},", ",x"];
    let join =
        json!([{"col": "a"}, {"col": "b"}, {"op": "concat", "type": "text", "args": [0, 1]}]);
    assert_eq!(value(&input, join).unwrap(), ["abc", "\u{e9}", "x"]);
    let constant = json!([{"col": "a"}, {"value": "-", "type": "text"},
        {"op": "concat", "type": "text", "args": [1, 0]}]);
    assert_eq!(value(&input, constant).unwrap(), ["-ab", "-\u{e9}", "-"]);
    let length = |op: &str| json!([{"col": "a"}, {"op": op, "type": "text", "args": [0]}]);
    assert_eq!(value(&input, length("char_length")).unwrap(), ["2", "1", "0"]);
    assert_eq!(value(&input, length("octet_length")).unwrap(), ["2", "2", "0"]);
    assert_eq!(value(&input, length("text_time")).unwrap_err(), "'ab' is no time");
    let wrong = json!([{"col": "a"}, {"op": "char_length", "type": "u64", "args": [0]}]);
    assert!(value(&input, wrong).is_err());
}

#[test]
fn times_have_parts() {
    let part = |op: &str| json!([{"col": "t"}, {"op": op, "type": "u64", "args": [0]}]);
    let input = ["t:u64", "1709208000000"];
    assert_eq!(value(&input, part("year")).unwrap(), ["2024"]);
    assert_eq!(value(&input, part("month")).unwrap(), ["2"]);
    assert_eq!(value(&input, part("day")).unwrap(), ["29"]);
    assert_eq!(value(&input, part("time_text")).unwrap(), ["2024-02-29T12:00:00.000Z"]);
}
