//! `describe`: statistics of columns, a batch at a time.

use crate::error::{QError, Result, rank_error, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::qsp::transform::{column, names, table};
use crate::session::Session;
use formats::k::{K, Sym, Table, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// A statistic: its name, whether it needs numbers, and what it is in q.
const STATISTICS: [(&str, bool, &str); 20] = [
    ("average", true, "{avg x}"),
    ("frequency", false, "{count each group x}"),
    ("length", false, "{count x}"),
    ("maximum", true, "{max x}"),
    ("median", true, "{med x where not null x}"),
    ("minimum", true, "{min x}"),
    ("mode", false, "{[x] c:count each group x; where c=max c}"),
    ("numDistinct", false, "{count distinct x}"),
    ("numInfinity", true, "{`long$sum x in (min 0#x;max 0#x)}"),
    ("numNull", false, "{sum `long${all null x} each x}"),
    ("percentiles", true, PERCENTILES),
    ("populationStd", true, "{dev x}"),
    ("populationVar", true, "{var x}"),
    ("quartiles", true, PERCENTILES),
    ("range", true, "{(max x)-min x}"),
    ("sampleStd", true, "{sdev x}"),
    ("sampleVar", true, "{svar x}"),
    ("skew", true, "{[x] x:`float$x where not null x; m:x-avg x; (avg m*m*m)%(avg m*m)xexp 1.5}"),
    ("standardError", true, "{[x] x:x where not null x; (sdev x)%sqrt count x}"),
    ("total", true, "{sum x}"),
];

/// Between two values the one that is as far from them as the percentage says.
const PERCENTILES: &str = "{[p;x] x:asc `float$x where not null x; n:(p%100)*-1+count x; \
    f:floor n; x[f]+(n-f)*x[(f+1)&-1+count x]-x f}";

/// Gives a table with a row for each column and a column for each statistic. What a statistic
/// does not mean anything for is the generic null.
#[derive(Default)]
pub(in crate::qsp) struct Describe {
    functions: HashMap<&'static str, K>,
}

/// A statistic and, of percentiles, which.
struct Wanted {
    name: &'static str,
    numeric: bool,
    code: &'static str,
    which: Option<K>,
}

fn wanted(k: &K) -> Result<Wanted> {
    let (name, which) = match (k.as_sym(), k.as_list()) {
        (Some(name), _) => (name, None),
        (_, Some([name, which])) => (name.as_sym().ok_or_else(type_error)?, Some(which.clone())),
        _ => return Err(type_error()),
    };
    let found = STATISTICS.iter().find(|(known, ..)| *known == name.as_str());
    let (name, numeric, code) = *found.ok_or_else(|| QError::new(format!("stats: {name}")))?;
    let which = match name {
        "quartiles" => Some(K::floats(vec![25.0, 50.0, 75.0])),
        "percentiles" => Some(which.ok_or_else(rank_error)?),
        _ => which,
    };
    Ok(Wanted { name, numeric, code, which })
}

/// One statistic, several, or one with its argument.
fn all_wanted(k: &K) -> Result<Vec<Wanted>> {
    match k.as_list() {
        Some([name, which]) if name.as_sym().is_some() && which.as_sym().is_none() => {
            // A list of two may be one with its argument, or two of which the second has one.
            if which.as_list().is_some_and(|l| l.first().is_some_and(|n| n.as_sym().is_some())) {
                return Ok(vec![wanted(name)?, wanted(which)?]);
            }
            Ok(vec![wanted(k)?])
        }
        _ if k.is_atom() => Ok(vec![wanted(k)?]),
        _ => k.items().map(|item| wanted(&item)).collect(),
    }
}

impl Describe {
    fn value(&mut self, cx: &mut Session, wanted: &Wanted, own: &K) -> Result {
        let numeric = own.ty().is_some_and(|ty| ty.is_numeric() && ty != Type::List);
        if wanted.numeric && !numeric {
            return Ok(K::Null);
        }
        let f = match self.functions.get(wanted.name) {
            Some(f) => f.clone(),
            None => {
                let f = cx.eval(wanted.code, wanted.name)?;
                self.functions.insert(wanted.name, f.clone());
                f
            }
        };
        match &wanted.which {
            Some(which) => cx.apply(&f, &[which.clone(), own.clone()]),
            None => cx.apply(&f, std::slice::from_ref(own)),
        }
    }
}

impl Stage for Describe {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let from = table(&data)?;
        let fields = names(node.option("fields").ok_or_else(type_error)?)?;
        let statistics = all_wanted(node.option("stats").ok_or_else(type_error)?)?;
        let mut titles = vec![Sym::new("field")];
        let mut columns = vec![K::syms(fields.clone())];
        for statistic in &statistics {
            let mut cells = Vec::with_capacity(fields.len());
            for field in &fields {
                cells.push(self.value(cx, statistic, &column(from, *field)?)?);
            }
            titles.push(Sym::new(statistic.name));
            // A column of dictionaries stays one of dictionaries.
            let dictionaries = matches!(cells.first(), Some(K::Dict(_)));
            columns.push(if dictionaries { K::list(cells) } else { K::collapse(cells) });
        }
        out.push((metadata, table_k(Table { names: Arc::new(titles), columns })));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qsp::testing::Line;

    fn described(stats: &str, column: &str) -> String {
        let operator = format!(".qsp.stats.describe[`x; {stats}] .qsp.map[{{1_value first x}}]");
        Line::new(&operator).give(&format!("([]x:{column})")).concat()
    }

    #[test]
    fn each_statistic_of_numbers() {
        let names: Vec<&str> = STATISTICS.iter().map(|(name, ..)| *name).collect();
        assert!(names.is_sorted());
        for (name, want) in [
            ("average", ",3f"),
            ("frequency", ",1 2 6!2 1 1"),
            ("length", ",5"),
            ("maximum", ",6"),
            ("median", ",1.5"),
            ("minimum", ",1"),
            ("numDistinct", ",4"),
            ("numNull", ",1"),
            ("numInfinity", ",0"),
            ("range", ",5"),
            ("total", ",10"),
            ("populationVar", ",4.25"),
            ("quartiles", ",1 1.5 3"),
            ("mode", ",,1"),
        ] {
            let column = if name == "frequency" { "1 1 2 6" } else { "1 1 2 6 0N" };
            let want = if name == "average" { ",2.5" } else { want };
            assert_eq!(described(&format!("enlist`{name}"), column), want, "{name}");
        }
        for name in ["sampleVar", "sampleStd", "populationStd", "standardError", "skew"] {
            assert_ne!(described(&format!("enlist`{name}"), "1 1 2 6"), ",::", "{name}");
        }
        assert_eq!(described("enlist`numInfinity", "1 0w -0w 0n"), ",2");
        assert_eq!(described("enlist`numInfinity", "1 0W 0N"), ",1");
        assert_eq!(described("enlist`skew", "1 2 3"), ",0f");
        assert_eq!(described("enlist(`percentiles;0 50 100)", "4 1 3"), ",1 3 4f");
    }

    #[test]
    fn what_means_nothing_is_null_and_what_is_unknown_is_said() {
        let mut line = Line::new(".qsp.stats.describe[`s`v; `length`total]");
        assert_eq!(line.give("([]s:`a`b;v:1 2)"), ["+`field`length`total!(`s`v;2 2;(::;3))"]);
        assert!(line.fails("([]v:1 2)"));
        assert!(Line::new(".qsp.stats.describe[`v; `totle]").fails("([]v:1 2)"));
        assert!(Line::new(".qsp.stats.describe[`v; `percentiles]").fails("([]v:1 2)"));
        let mut both = Line::new(".qsp.stats.describe[`v; (`length;(`percentiles;50))]");
        assert_eq!(both.give("([]v:1 2 9)"), ["+`field`length`percentiles!(,`v;,3;,2f)"]);
    }
}
