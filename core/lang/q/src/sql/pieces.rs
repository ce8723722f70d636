//! Queries over tables in pieces, which nobody puts end to end for that: aggregates by symbol.

use crate::ast::{Expr, Node, Query, Verb};
use crate::func::Fun;
use crate::kernel::aggregate::Aggregate;
use crate::kernel::pieces::{Column, Keys, alike};
use crate::session::Session;
use crate::verbs::Class;
use formats::k::{K, Sym, Table};

/// A function that is one query, of a kind that can be computed piece by piece.
#[derive(Clone, Debug)]
pub(crate) struct Pieced {
    /// The name of the key, and the column that it is.
    by: (Sym, Sym),
    columns: Vec<(Sym, Part)>,
}

/// A column of the result.
#[derive(Clone, Debug)]
enum Part {
    Aggregate(Aggregate, Sym),
    /// A mean: the weights, and of what.
    Weighted(Sym, Sym),
}

impl Pieced {
    /// The query that a function of one table is.
    pub(crate) fn of(f: &K) -> Option<Self> {
        let Some(Fun::Lambda(lambda)) = Fun::of(f) else { return None };
        let ([Node { expr: Expr::Query(query), .. }], 1, 1) =
            (lambda.body.as_slice(), lambda.params, lambda.locals.len())
        else {
            return None;
        };
        let Query { verb: Verb::Select, distinct: false, limit: None, order: None, .. } = &**query
        else {
            return None;
        };
        let ([(name, key)], Expr::Local(0), true) =
            (query.by.as_deref()?, &query.from.expr, query.filters.is_empty())
        else {
            return None;
        };
        let by = (*name, column(key)?);
        let part = |(name, node): &(Sym, Node)| Some((*name, Part::of(node)?));
        let columns: Option<Vec<_>> = query.columns.iter().map(part).collect();
        Some(Self { by, columns: columns.filter(|columns| !columns.is_empty())? })
    }

    /// The result of the query over the rows of all tables; `None` where it takes another way, and
    /// where it signals an error, which that way finds, too.
    pub(crate) fn run(&self, cx: &mut Session, tables: &[&Table]) -> Option<K> {
        let keys = Keys::of(&pieces(tables, self.by.1)?)?;
        let rows: usize = tables.iter().map(|table| table.rows()).sum();
        cx.charge(1 + rows).ok()?;
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        for (name, part) in &self.columns {
            cx.charge(1 + rows / 8).ok()?;
            names.push(*name);
            columns.push(part.over(&keys, tables)?);
        }
        let by = K::table(vec![self.by.0], vec![keys.groups()]).ok()?;
        Some(K::dict(by, K::table(names, columns).ok()?))
    }
}

impl Part {
    fn of(node: &Node) -> Option<Self> {
        let Expr::Apply(f, args) = &node.expr else { return None };
        let Expr::Const(f) = &f.expr else { return None };
        let verb = Fun::verb(f)?;
        match (args.as_slice(), verb.class) {
            ([x], Class::Aggregate(op)) => Some(Self::Aggregate(op, column(x)?)),
            ([x, y], _) if verb.name == "wavg" => Some(Self::Weighted(column(x)?, column(y)?)),
            _ => None,
        }
    }

    fn over<'a>(&self, keys: &Keys<'a>, tables: &[&'a Table]) -> Option<K> {
        match self {
            Self::Aggregate(Aggregate::Count, name) if is_number(tables, *name) => {
                Some(keys.counts())
            }
            Self::Aggregate(op, name) => keys.aggregate(*op, &pieces(tables, *name)?),
            Self::Weighted(x, y) => {
                let number =
                    |column: &Column<'_>| column.first().is_some_and(|piece| piece.ty.is_numeric());
                let (x, y) = (pieces(tables, *x)?, pieces(tables, *y)?);
                if number(&x) && number(&y) { keys.weighted(&x, &y) } else { None }
            }
        }
    }
}

/// The name of the column that a node is.
fn column(node: &Node) -> Option<Sym> {
    match node.expr {
        Expr::Column(name, _) => Some(name),
        _ => None,
    }
}

/// Whether a name means the numbers of the rows.
fn is_number(tables: &[&Table], name: Sym) -> bool {
    name.as_str() == "i" && tables.first().is_some_and(|table| table.position(name).is_none())
}

/// The pieces of a column with items of one type; `None` where there is no such column.
fn pieces<'a>(tables: &[&'a Table], name: Sym) -> Option<Column<'a>> {
    let at = tables.first()?.position(name)?;
    let piece = |table: &&'a Table| match table.columns.get(at) {
        Some(K::Vec(vector)) => Some(vector),
        _ => None,
    };
    let column: Column<'a> = tables.iter().map(piece).collect::<Option<_>>()?;
    alike(&column).then_some(column)
}

/// Whether tables have the same columns in the same order.
pub(crate) fn same_columns(tables: &[&Table]) -> bool {
    tables.windows(2).all(|pair| match pair {
        [a, b] => std::sync::Arc::ptr_eq(&a.names, &b.names) || a.names == b.names,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::{TYPES, atom};
    use crate::session::Options;
    use formats::k::Type;
    use proptest::prelude::*;

    const QUERIES: [&str; 9] = [
        "{select v:a wavg b by s from x}",
        "{select v:sum a,w:sum b by s from x}",
        "{select avg a,max b by k:s from x}",
        "{select min a,n:count i by s from x}",
        "{select first a,last b by s from x}",
        "{select prd a,all b by s from x}",
        "{select any a,count b by s from x}",
        "{select o:first a,h:max a,l:min a,c:last a,v:a wavg b by s from x}",
        "{select k:first s by s from x}",
    ];

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(
            rows in prop::collection::vec((0u8..5, -3i16..4, -3i16..4), 1..60),
            cuts in prop::collection::vec(1usize..20, 1..6),
            types in (0..TYPES.len(), 0..TYPES.len()),
            query in 0..QUERIES.len(),
        ) {
            let mut cx = Session::new(Options::default());
            let name = |n: u8| Sym::new(["", "b", "a", "zz", "a b"][usize::from(n)]);
            let table = |rows: &[(u8, i16, i16)]| {
                let column = |of: &dyn Fn(&(u8, i16, i16)) -> K| {
                    K::collapse(rows.iter().map(of).collect())
                };
                let columns = vec![
                    K::syms(rows.iter().map(|row| name(row.0)).collect()),
                    column(&|row| atom(TYPES[types.0], row.1)),
                    column(&|row| atom(TYPES[types.1], row.2)),
                ];
                K::table(["s", "a", "b"].map(Sym::new).to_vec(), columns).unwrap()
            };
            let (mut pieces, mut rest) = (Vec::new(), rows.as_slice());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(table(piece));
                rest = after;
            }
            pieces.push(table(rest));
            pieces.retain(|piece| !piece.is_empty());
            let tables: Vec<&Table> = pieces.iter().filter_map(|k| match k {
                K::Table(table) => Some(&**table),
                _ => None,
            }).collect();
            let f = cx.eval(QUERIES[query], "test").unwrap();
            let pieced = Pieced::of(&f).unwrap();
            let want = cx.apply(&f, &[table(&rows)]);
            match pieced.run(&mut cx, &tables) {
                Some(got) => prop_assert_eq!(
                    crate::kernel::group::bytes(&got).unwrap(),
                    crate::kernel::group::bytes(&want.unwrap()).unwrap()
                ),
                // Numbers of the usual types need no other way, unless others have made so many
                // symbols meanwhile that these are far apart.
                None => {
                    let usual = [Type::Long, Type::Float];
                    let all = usual.contains(&TYPES[types.0]) && usual.contains(&TYPES[types.1]);
                    let far = (0..5).any(|n| name(n).id() >= 1 << 16);
                    prop_assert!(!all || far, "{}", QUERIES[query]);
                }
            }
        }
    }

    #[test]
    fn a_symbol_that_comes_late_has_a_group_too() {
        // Their numbers follow each other.
        let [a, b, c] = ["late1", "late2", "late3"].map(Sym::new);
        let piece = |syms: &[Sym]| {
            let ones = K::longs(vec![1; syms.len()]);
            K::table(["s", "a"].map(Sym::new).to_vec(), vec![K::syms(syms.to_vec()), ones]).unwrap()
        };
        let mut cx = Session::new(Options::default());
        let f = cx.eval("{select sum a by s from x}", "test").unwrap();
        let pieces = [piece(&[a, c, c]), piece(&[b, b, b]), piece(&[a, b, c]), piece(&[b])];
        let tables: Vec<&Table> = pieces
            .iter()
            .filter_map(|k| match k {
                K::Table(table) => Some(&**table),
                _ => None,
            })
            .collect();
        let got = Pieced::of(&f).unwrap().run(&mut cx, &tables).unwrap();
        let shown = crate::display::text(&got);
        assert_eq!(shown, "(+(,`s)!,`late1`late2`late3)!+(,`a)!,2 5 3");
    }

    #[test]
    fn other_functions_take_the_usual_way() {
        let mut cx = Session::new(Options::default());
        for text in [
            "{x}",
            "{select sum a by s from y}",
            "{[x;y] select sum a by s from x}",
            "{select a by s from x}",
            "{select sum a by s from x where a>0}",
            "{select sum a by s,b from x}",
            "{select sum a+1 by s from x}",
            "{select sum a from x}",
            "{select[2] sum a by s from x}",
            "{exec sum a by s from x}",
            "{select by s from x}",
            "{t:x;select sum a by s from t}",
            "{a:1;select sum a by s from x}",
        ] {
            let f = cx.eval(text, "test").unwrap();
            assert!(Pieced::of(&f).is_none(), "{text}");
        }
    }
}
