//! `timeSplit`: the parts of times as columns.

use super::{column, names, table};
use crate::convert::cast::cast;
use crate::convert::numeric::{Column, NULL, ints};
use crate::error::{QError, Result};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs::join::with_column;
use formats::k::{K, Sym, Table, Type};
use std::sync::Arc;

/// A part of a date or time.
#[derive(Clone, Copy)]
enum Part {
    /// Of days since 2000-01-01, with months since 2000-01.
    Date(fn(i64, i64) -> i64),
    /// Of seconds since midnight.
    Clock(fn(i64) -> i64),
}

/// The parts, by the ends of their columns' names.
const PARTS: [(&str, Part); 9] = [
    // Day 0 is a Saturday, which is day 0 of the week.
    ("dow", Part::Date(|day, _| day.rem_euclid(7))),
    ("year", Part::Date(|_, month| 2000 + month.div_euclid(12))),
    ("mm", Part::Date(|_, month| month.rem_euclid(12) + 1)),
    ("dd", Part::Date(|day, month| day - month_begin(month) + 1)),
    ("qtr", Part::Date(|_, month| month.rem_euclid(12) / 3 + 1)),
    ("wd", Part::Date(|day, _| i64::from(day.rem_euclid(7) > 1))),
    ("hh", Part::Clock(|second| second.div_euclid(3600))),
    ("uu", Part::Clock(|second| second.div_euclid(60).rem_euclid(60))),
    ("ss", Part::Clock(|second| second.rem_euclid(60))),
];

/// The day that a month begins with, both counted from 2000.
fn month_begin(month: i64) -> i64 {
    let (year, month) = (2000 + month.div_euclid(12), month.rem_euclid(12) + 1);
    // Days before a month that begins in March, so that the leap day comes last.
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + (153 * shifted + 2) / 5 - 730_425
}

/// Puts the parts of the named columns, or of all times, in their place: `t_year`, `t_hh` and so
/// on, as many as the type has.
pub(in crate::qsp) struct TimeSplit;

fn longs(ty: Type, own: &K) -> Result<Vec<i64>> {
    match ints(&cast(ty, own)?) {
        Some(Column::Vec(v)) => Ok(v.into_owned()),
        _ => Err(QError::new("type")),
    }
}

/// Whether a type has a date, and whether it has a time of day.
fn has(ty: Type) -> Option<(bool, bool)> {
    match ty {
        Type::Timestamp | Type::Datetime => Some((true, true)),
        Type::Date | Type::Month => Some((true, false)),
        Type::Timespan | Type::Minute | Type::Second | Type::Time => Some((false, true)),
        _ => None,
    }
}

/// Whether a part means something for a type.
fn fits(ty: Type, name: &str, part: Part) -> bool {
    let Some((date, clock)) = has(ty) else { return false };
    match part {
        Part::Date(_) if ty == Type::Month => matches!(name, "year" | "mm" | "qtr"),
        Part::Date(_) => date,
        Part::Clock(_) if ty == Type::Minute => name != "ss",
        Part::Clock(_) => clock,
    }
}

fn split(from: &Table, name: Sym) -> Result<Table> {
    let own = column(from, name)?;
    let ty = own.ty().filter(|ty| has(*ty).is_some());
    let ty = ty.ok_or_else(|| QError::new(format!("type: {name}")))?;
    let (date, clock) = has(ty).unwrap_or_default();
    let (days, months) = if date {
        (longs(Type::Date, &own)?, longs(Type::Month, &own)?)
    } else {
        Default::default()
    };
    let seconds = if clock { longs(Type::Second, &own)? } else { Vec::new() };
    let mut out = Table { names: Arc::new(Vec::new()), columns: Vec::new() };
    for (known, column) in from.iter().filter(|(n, _)| *n != name) {
        out = with_column(&out, known, column.clone());
    }
    for (end, part) in PARTS.into_iter().filter(|(end, part)| fits(ty, end, *part)) {
        let items: Vec<i64> = match part {
            Part::Date(f) => {
                let of = |(day, month): (&i64, &i64)| {
                    if *day == NULL || *month == NULL { NULL } else { f(*day, *month) }
                };
                days.iter().zip(&months).map(of).collect()
            }
            Part::Clock(f) => {
                seconds.iter().map(|s| if *s == NULL { NULL } else { f(*s) }).collect()
            }
        };
        out = with_column(&out, Sym::new(&format!("{name}_{end}")), K::longs(items));
    }
    Ok(out)
}

impl Stage for TimeSplit {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let from = table(&data)?;
        let wanted = match node.option("columns") {
            Some(given) => names(given)?,
            None => {
                let times = from.iter().filter(|(_, c)| c.ty().is_some_and(|ty| has(ty).is_some()));
                times.map(|(name, _)| name).collect()
            }
        };
        let mut changed = from.clone();
        for name in wanted {
            changed = split(&changed, name)?;
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qsp::testing::Line;
    use proptest::prelude::*;

    #[test]
    fn times_come_apart_as_their_types_have_parts() {
        let mut line = Line::new(".qsp.transform.timeSplit[`t]");
        let names = "dow`t_year`t_mm`t_dd`t_qtr`t_wd`t_hh`t_uu`t_ss";
        let got = line.give("([]t:2024.02.29D13:14:15 0N;v:1 2)");
        let values = "(1 2;5 0N;2024 0N;2 0N;29 0N;1 0N;1 0N;13 0N;14 0N;15 0N)";
        assert_eq!(got, [format!("+`v`t_{names}!{values}")]);
        assert_eq!(line.give("([]t:enlist 2000.01m)"), ["+`t_year`t_mm`t_qtr!(,2000;,1;,1)"]);
        assert_eq!(line.give("([]t:enlist 23:59)"), ["+`t_hh`t_uu!(,23;,59)"]);
        assert!(line.fails("([]t:1 2)"));
        assert!(line.fails("([]u:1 2)"));
    }

    #[test]
    fn without_names_all_times_come_apart() {
        let mut line = Line::new(".qsp.transform.timeSplit[]  .qsp.map[{cols x}]");
        let got = line.give("([]a:1 2;m:2#2000.01m;u:2#10:00)");
        assert_eq!(got, ["`a`m_year`m_mm`m_qtr`u_hh`u_uu"]);
    }

    proptest! {
        #[test]
        fn months_begin_where_q_says(month in -3400i64..3400) {
            let mut cx = Session::new(crate::session::Options::default());
            let day = cx.eval(&format!("`int$`date$`month${month}i"), "day").unwrap();
            prop_assert_eq!(Some(month_begin(month)), day.as_long());
        }
    }
}
