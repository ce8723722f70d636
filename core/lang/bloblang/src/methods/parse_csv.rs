//! `parse_csv`

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::csv;
use crate::error::Error;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_csv",
    category: "parsing",
    summary: "The rows of a text of comma-separated values: objects by the names of the first \
              row, or arrays when it has no names.",
    params: Params::Fixed(&[
        Param::new("parse_header_row", Kind::Bool, "The first row has the names of the columns.")
            .or(Absent::Bool(true)),
        Param::new("delimiter", Kind::String, "The character between fields.").or(Absent::Str(",")),
        Param::new(
            "lazy_quotes",
            Kind::Bool,
            "Take quotes within a field for ordinary characters.",
        )
        .or(Absent::Bool(false)),
    ]),
    examples: &[
        Example {
            mapping: "root.orders = this.orders.parse_csv()",
            cases: &[(
                r#"{"orders":"foo,bar\nfoo 1,bar 1"}"#,
                r#"{"orders":[{"bar":"bar 1","foo":"foo 1"}]}"#,
            )],
        },
        Example {
            mapping: "root.orders = this.orders.parse_csv(false)",
            cases: &[(
                r#"{"orders":"foo 1,bar 1\nfoo 2,bar 2"}"#,
                r#"{"orders":[["foo 1","bar 1"],["foo 2","bar 2"]]}"#,
            )],
        },
    ],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let delimiter = args.str(1);
    let mut chars = delimiter.chars();
    let (Some(comma), None) = (chars.next(), chars.next()) else {
        return Err(Error::new("delimiter value must be exactly one character"));
    };
    let mut rows = csv::read(target.as_text()?, comma, args.bool(2))?.into_iter();
    if !args.bool(0) {
        let row = |row: Vec<Vec<u8>>| Value::array(row.into_iter().map(Value::text).collect());
        return Ok(Val::array(rows.map(row).collect()));
    }
    let Some(names) = rows.next() else { return Ok(Val::array(Vec::new())) };
    let names: Vec<Text> = names.into_iter().map(Text::from).collect();
    let row = |row: Vec<Vec<u8>>| {
        let members = names.iter().cloned().zip(row.into_iter().map(Value::text));
        Value::object(members.collect::<Object>())
    };
    Ok(Val::array(rows.map(row).collect()))
}
