//! Matrices of floats: products, inverses, least squares.

use super::{Class, Verb};
use crate::error::{Result, length_error, type_error};
use crate::session::Session;
use formats::k::{Data, K, Type, Vector};

type Rows = Vec<Vec<f64>>;

/// Whether a value is a list of vectors of floats.
pub(super) fn is_matrix(k: &K) -> bool {
    let float = |k: &K| matches!(k, K::Vec(v) if v.ty == Type::Float);
    k.as_list().is_some_and(|rows| !rows.is_empty() && rows.iter().all(float))
}

fn row(k: &K) -> Result<Vec<f64>> {
    match k {
        K::Vec(Vector { ty: Type::Float, data: Data::F64(v), .. }) => Ok(v.to_vec()),
        _ => Err(type_error()),
    }
}

/// The rows of a matrix, all of one length.
fn rows(k: &K) -> Result<Rows> {
    let rows = k.as_list().ok_or_else(type_error)?;
    let copied = |k: &K| {
        // Rows may be one and the same, and each becomes one of its own.
        formats::budget::ask_for::<f64>(k.len());
        row(k)
    };
    let rows = rows.iter().map(copied).collect::<Result<Rows>>()?;
    let width = rows.first().map_or(0, Vec::len);
    if rows.iter().any(|r| r.len() != width) { Err(length_error()) } else { Ok(rows) }
}

fn matrix(rows: Rows) -> K {
    K::list(rows.into_iter().map(K::floats).collect())
}

fn times(x: &[f64], y: &[Vec<f64>]) -> Vec<f64> {
    let mut out = vec![0.0; y.first().map_or(0, Vec::len)];
    for (x, row) in x.iter().zip(y) {
        out.iter_mut().zip(row).for_each(|(sum, y)| *sum += x * y);
    }
    out
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// The product of two matrices, of a matrix and a vector, or of two vectors.
pub(super) fn product(cx: &mut Session, x: &K, y: &K) -> Result {
    let (left, right) = (is_matrix(x), is_matrix(y));
    let fits =
        |width: usize, count: usize| if width == count { Ok(()) } else { Err(length_error()) };
    match (left, right) {
        (false, false) => {
            let (x, y) = (row(x)?, row(y)?);
            fits(x.len(), y.len())?;
            cx.charge(1 + x.len() / 8)?;
            Ok(K::float(dot(&x, &y)))
        }
        (false, true) => {
            let (x, y) = (row(x)?, rows(y)?);
            fits(x.len(), y.len())?;
            cx.charge(1 + x.len())?;
            Ok(K::floats(times(&x, &y)))
        }
        (true, false) => {
            let (x, y) = (rows(x)?, row(y)?);
            fits(x.first().map_or(0, Vec::len), y.len())?;
            cx.charge(1 + x.len().saturating_mul(y.len()) / 8)?;
            Ok(K::floats(x.iter().map(|row| dot(row, &y)).collect()))
        }
        (true, true) => {
            let (x, y) = (rows(x)?, rows(y)?);
            fits(x.first().map_or(0, Vec::len), y.len())?;
            let width = y.first().map_or(0, Vec::len);
            cx.room(x.len().saturating_mul(width))?;
            cx.charge(1 + x.len().saturating_mul(width).saturating_mul(y.len()) / 8)?;
            Ok(matrix(x.iter().map(|row| times(row, &y)).collect()))
        }
    }
}

fn mmu(cx: &mut Session, x: K, y: K) -> Result {
    product(cx, &x, &y)
}

/// Brings `left` to the unit matrix by steps that are done on `right`, too. What has no inverse
/// gives nulls.
fn eliminated(mut left: Rows, mut right: Rows) -> Rows {
    let size = left.len();
    for column in 0..size {
        let at = |r: usize| left.get(r).and_then(|row| row.get(column)).map_or(0.0, |x| x.abs());
        let best = (column..size).fold(column, |best, r| if at(r) > at(best) { r } else { best });
        if at(best) == 0.0 {
            right.iter_mut().flatten().for_each(|x| *x = f64::NAN);
            return right;
        }
        left.swap(column, best);
        right.swap(column, best);
        let pivot = left.get(column).and_then(|row| row.get(column)).copied().unwrap_or(1.0);
        for row in left.get_mut(column).into_iter().chain(right.get_mut(column)) {
            row.iter_mut().for_each(|x| *x /= pivot);
        }
        let (unit, image) = (left.get(column).cloned(), right.get(column).cloned());
        let (unit, image) = (unit.unwrap_or_default(), image.unwrap_or_default());
        for r in (0..size).filter(|r| *r != column) {
            let factor = left.get(r).and_then(|row| row.get(column)).copied().unwrap_or(0.0);
            let less = |row: Option<&mut Vec<f64>>, by: &[f64]| {
                row.into_iter().flatten().zip(by).for_each(|(x, y)| *x -= factor * y);
            };
            less(left.get_mut(r), &unit);
            less(right.get_mut(r), &image);
        }
    }
    right
}

fn unit(size: usize) -> Rows {
    (0..size).map(|r| (0..size).map(|c| f64::from(u8::from(r == c))).collect()).collect()
}

fn inv(cx: &mut Session, x: K) -> Result {
    let rows = rows(&x)?;
    let size = rows.len();
    if rows.first().map_or(0, Vec::len) != size {
        return Err(length_error());
    }
    cx.charge(1 + size.saturating_pow(3) / 8)?;
    Ok(matrix(eliminated(rows, unit(size))))
}

fn turned(rows: &[Vec<f64>]) -> Rows {
    let width = rows.first().map_or(0, Vec::len);
    let column = |c: usize| rows.iter().filter_map(|row| row.get(c).copied()).collect();
    (0..width).map(column).collect()
}

/// The matrix that times `y` comes nearest to `x`, from `w*(y*y') = x*y'`.
fn lsq(cx: &mut Session, x: K, y: K) -> Result {
    let (x, y) = (rows(&x)?, rows(&y)?);
    let (width, size) = (y.first().map_or(0, Vec::len), y.len());
    if x.first().map_or(0, Vec::len) != width || size > width {
        return Err(length_error());
    }
    cx.charge(1 + (x.len() + size).saturating_mul(size).saturating_mul(width) / 8)?;
    // A square matrix is not squared, which would cost digits.
    let (left, right) = if size == width {
        (turned(&y), turned(&x))
    } else {
        let of = |a: &[Vec<f64>]| a.iter().map(|r| y.iter().map(|s| dot(r, s)).collect()).collect();
        let (squares, mixed): (Rows, Rows) = (of(&y), of(&x));
        (squares, turned(&mixed))
    };
    Ok(matrix(turned(&eliminated(left, right))))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "mmu",
        Class::Other,
        mmu,
        "The product of matrices or vectors of floats.",
        "q)(1 2f;3 4f) mmu (5 6f;7 8f)\n19 22\n43 50\nq)1 2 3f mmu 4 5 6f\n32f\n\
         q)(1 2f;3 4f)$1 1f\n3 7f\nq)1 1f mmu (1 2f;3 4f)\n4 6f\n\
         q)(1 2f;3 4f) mmu 1 2 3f\n'length\nq)(1 2;3 4) mmu (1 2;3 4)\n'type",
    ),
    Verb::word(
        "inv",
        Class::Other,
        inv,
        "The inverse of a matrix of floats.",
        "q)inv (0 2f;4 0f)\n0   0.25\n0.5 0\n\
         q)null inv (1 2f;2 4f)\n11b\n11b\nq)inv (1 2 3f;4 5 6f)\n'length",
    ),
    Verb::infix(
        "lsq",
        Class::Other,
        lsq,
        "The matrix that comes nearest to solving an equation.",
        "q)enlist[7 10f] lsq (1 2f;3 4f)\n1 2\nq)enlist[1 3 5f] lsq (1 1 1f;0 1 2f)\n1 2\n\
         q)enlist[1 3f] lsq (1 1 1f;0 1 2f)\n'length",
    ),
];
