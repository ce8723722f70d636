//! Expressions over all groups at once, by kernels over whole columns.

use super::Scope;
use super::grouped::{By, Value};
use crate::ast::{Expr, Node};
use crate::convert::numeric::{Column, floats};
use crate::error::Result;
use crate::eval::{Flow, Frame};
use crate::func::Fun;
use crate::kernel::aggregate::{Aggregate, grouped, parted};
use crate::kernel::group::{Groups, numbered_pairs};
use crate::kernel::running::{Running, Total, running};
use crate::kernel::segments::{Ids, Segments};
use crate::kernel::statistics::{Pairs, Statistic, of_one, of_pairs, weighted_means};
use crate::session::Session;
use crate::verbs::{self, Class, Verb};
use formats::k::{K, Type};

/// How a verb is computed for all groups at once.
#[derive(Clone, Copy)]
enum Kernel {
    /// Item by item.
    Atomic,
    Aggregate(Aggregate),
    Statistic(Statistic),
    Pairs(Pairs),
    WeightedSum,
    Running(Running),
    Distinct,
}

impl Kernel {
    fn of(verb: &Verb) -> Option<Self> {
        match verb.class {
            Class::Atomic => return Some(Self::Atomic),
            Class::Aggregate(op) => return Some(Self::Aggregate(op)),
            Class::Other => {}
        }
        Some(match verb.name {
            "med" => Self::Statistic(Statistic::Median),
            "var" => Self::Statistic(Statistic::Variance),
            "dev" => Self::Statistic(Statistic::Deviation),
            "svar" => Self::Statistic(Statistic::SampleVariance),
            "sdev" => Self::Statistic(Statistic::SampleDeviation),
            "cov" => Self::Pairs(Pairs::Covariance),
            "scov" => Self::Pairs(Pairs::SampleCovariance),
            "cor" => Self::Pairs(Pairs::Correlation),
            "wavg" => Self::Pairs(Pairs::WeightedMean),
            "wsum" => Self::WeightedSum,
            "sums" => Self::Running(Running::Total(Total::Sum)),
            "prds" => Self::Running(Running::Total(Total::Product)),
            "mins" => Self::Running(Running::Total(Total::Least)),
            "maxs" => Self::Running(Running::Total(Total::Greatest)),
            "avgs" => Self::Running(Running::Means),
            "deltas" => Self::Running(Running::Deltas),
            "ratios" => Self::Running(Running::Ratios),
            "prev" => Self::Running(Running::Previous),
            "next" => Self::Running(Running::Next),
            "differ" => Self::Running(Running::Differ),
            "fills" => Self::Running(Running::Fills),
            "distinct" => Self::Distinct,
            _ => return None,
        })
    }
}

impl Session {
    /// The value by kernels over whole columns, if the expression is made of what has such.
    pub(super) fn columnar(
        &mut self,
        node: &Node,
        scope: &Scope,
        by: &By,
        frame: &mut Frame,
    ) -> Flow<Option<Value>> {
        match &node.expr {
            Expr::Const(k) if k.is_atom() => Ok(Some(Value::Same(k.clone()))),
            Expr::Local(_) | Expr::Global(_) => {
                let value = self.node(node, frame)?;
                Ok(if value.is_atom() { Some(Value::Same(value)) } else { None })
            }
            Expr::Column(name, further) => match scope.column(*name) {
                Some(column) => Ok(Some(Value::Rows(column))),
                None => self.columnar(further, scope, by, frame),
            },
            Expr::Apply(f, args) => match (&f.expr, args.as_slice()) {
                (Expr::Const(f), _) => self.verb_in_groups(f, node, args, (scope, by), frame),
                // `x where y`
                (Expr::Column(..), [index]) => self.rows_where(f, index, (scope, by), frame),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn verb_in_groups(
        &mut self,
        f: &K,
        node: &Node,
        args: &[Node],
        (scope, by): (&Scope, &By),
        frame: &mut Frame,
    ) -> Flow<Option<Value>> {
        let Some(verb) = Fun::verb(f) else { return Ok(None) };
        let Some(kernel) = Kernel::of(verb).filter(|_| args.len() == verb.rank()) else {
            return Ok(None);
        };
        let mut values = Vec::with_capacity(args.len());
        for arg in args.iter().rev() {
            let inner = self.deeper(|cx| cx.columnar(arg, scope, by, frame))?;
            let Some(value) = inner else { return Ok(None) };
            values.push(value);
        }
        let (first, second) = (values.pop(), values.pop());
        let out = match (first, second) {
            (Some(x), None) => self.one_in_groups(f, kernel, x, by),
            (Some(x), Some(y)) => self.two_in_groups(f, kernel, (x, y), by),
            _ => Ok(None),
        };
        Ok(out.map_err(|e| e.at(node.span))?)
    }

    /// The items of a column where a condition holds.
    fn rows_where(
        &mut self,
        column: &Node,
        index: &Node,
        (scope, by): (&Scope, &By),
        frame: &mut Frame,
    ) -> Flow<Option<Value>> {
        let Expr::Apply(f, args) = &index.expr else { return Ok(None) };
        let ([condition], true) = (args.as_slice(), verbs::is_constant(&f.expr, "where")) else {
            return Ok(None);
        };
        let Some(Value::Rows(flags)) =
            self.deeper(|cx| cx.columnar(condition, scope, by, frame))?
        else {
            return Ok(None);
        };
        let Some(Value::Rows(items)) = self.columnar(column, scope, by, frame)? else {
            return Ok(None);
        };
        if flags.ty() != Some(Type::Bool) || items.ty() == Some(Type::List) {
            return Ok(None);
        }
        let places = verbs::where_true(self, flags).map_err(|e| e.at(index.span))?;
        let places = places.as_longs().unwrap_or_default();
        Ok(Some(Value::Some(items.gather(places), picked(&by.groups.ids, places))))
    }

    fn one_in_groups(&mut self, f: &K, kernel: Kernel, x: Value, by: &By) -> Result<Option<Value>> {
        if let Kernel::Atomic = kernel {
            return Ok(Some(match x {
                Value::Same(k) => Value::Same(self.call1(f, k)?),
                Value::Rows(k) => Value::Rows(self.call1(f, k)?),
                Value::Each(k) => Value::Each(self.call1(f, k)?),
                Value::Some(k, ids) => Value::Some(self.call1(f, k)?, ids),
            }));
        }
        let (k, ids) = match &x {
            Value::Rows(k) => (k, by.groups.ids.as_slice()),
            Value::Some(k, ids) => (k, ids.as_slice()),
            Value::Same(_) | Value::Each(_) => return Ok(None),
        };
        self.charge(1 + k.len() / 8)?;
        let count = by.groups.firsts.len();
        let flat = k.ty().is_some_and(|ty| ty != Type::List);
        let all = matches!(x, Value::Rows(_));
        Ok(match kernel {
            Kernel::Aggregate(op) => {
                let any = matches!(op, Aggregate::Count | Aggregate::First | Aggregate::Last);
                match flat || any && all {
                    true if all => Some(Value::Each(grouped(op, k, &by.groups)?)),
                    true => Some(Value::Each(parted(op, k, ids, count)?)),
                    false => None,
                }
            }
            Kernel::Statistic(op) if is_number(k) => {
                let Some(Column::Vec(items)) = floats(k) else { return Ok(None) };
                let own = (!all).then(|| Segments::new(ids, count));
                let segments = || own.as_ref().unwrap_or_else(|| by.segments());
                Some(Value::Each(K::floats(of_one(op, &items, Ids::Many(ids, count), segments))))
            }
            // Of a group without items the type would depend on the others.
            Kernel::Running(op) if flat && all => {
                let out = running(op, k, Ids::Many(ids, count))?;
                out.map(Value::Rows)
            }
            Kernel::Distinct if flat => {
                let firsts = numbered_pairs(ids, &crate::kernel::group::groups(k)?).firsts;
                Some(Value::Some(k.gather(&firsts), picked(ids, &firsts)))
            }
            _ => None,
        })
    }

    fn two_in_groups(
        &mut self,
        f: &K,
        kernel: Kernel,
        values: (Value, Value),
        by: &By,
    ) -> Result<Option<Value>> {
        match (kernel, values) {
            (Kernel::Atomic, (x, y)) => self.atomic_in_groups(f, x, y, &by.groups),
            (Kernel::Pairs(op), (Value::Rows(x), Value::Rows(y))) => {
                if !is_number(&x) || !is_number(&y) {
                    return Ok(None);
                }
                if let (Pairs::WeightedMean, K::Vec(x), K::Vec(y)) = (op, &x, &y) {
                    self.charge(1 + x.data.len() / 8)?;
                    let means = weighted_means(&x.data, &y.data, (&by.groups).into());
                    return Ok(means.map(|means| Value::Each(K::floats(means))));
                }
                let (Some(Column::Vec(x)), Some(Column::Vec(y))) = (floats(&x), floats(&y)) else {
                    return Ok(None);
                };
                self.charge(1 + x.len() / 8)?;
                Ok(Some(Value::Each(K::floats(of_pairs(op, &x, &y, (&by.groups).into())))))
            }
            (Kernel::WeightedSum, (Value::Rows(x), Value::Rows(y))) => {
                let flat = |k: &K| k.ty().is_some_and(|t| t.is_numeric() && !t.is_temporal());
                if !flat(&x) || !flat(&y) {
                    return Ok(None);
                }
                let products = self.call2(&verbs::value("*"), x, y)?;
                let sums = grouped(Aggregate::Sum, &products, &by.groups)?;
                Ok(Some(Value::Each(crate::convert::cast::cast(Type::Float, &sums)?)))
            }
            _ => Ok(None),
        }
    }

    fn atomic_in_groups(
        &mut self,
        f: &K,
        x: Value,
        y: Value,
        groups: &Groups,
    ) -> Result<Option<Value>> {
        Ok(Some(match (x, y) {
            (Value::Same(x), Value::Same(y)) => Value::Same(self.call2(f, x, y)?),
            (Value::Each(x), Value::Each(y)) => Value::Each(self.call2(f, x, y)?),
            (Value::Each(x), Value::Same(y)) | (Value::Same(x), Value::Each(y)) => {
                Value::Each(self.call2(f, x, y)?)
            }
            (Value::Some(x, ids), Value::Same(y)) => Value::Some(self.call2(f, x, y)?, ids),
            (Value::Same(x), Value::Some(y, ids)) => Value::Some(self.call2(f, x, y)?, ids),
            // Which items go together, only the values of each group tell.
            (Value::Some(..), _) | (_, Value::Some(..)) => return Ok(None),
            (x, y) => {
                let (x, y) = (spread(x, groups), spread(y, groups));
                Value::Rows(self.call2(f, x, y)?)
            }
        }))
    }
}

/// Whether a list has items that statistics take.
fn is_number(k: &K) -> bool {
    k.ty().is_some_and(Type::is_numeric)
}

/// The groups of the rows at places.
fn picked(ids: &[u32], places: &[i64]) -> Vec<u32> {
    let id = |place: &i64| usize::try_from(*place).ok().and_then(|p| ids.get(p)).copied();
    places.iter().map(|place| id(place).unwrap_or(0)).collect()
}

/// A value for each row; an atom stays one.
pub(super) fn spread(value: Value, groups: &Groups) -> K {
    match value {
        Value::Same(k) | Value::Rows(k) | Value::Some(k, _) => k,
        Value::Each(k) => k.gather(&groups.ids.iter().map(|id| i64::from(*id)).collect::<Vec<_>>()),
    }
}
