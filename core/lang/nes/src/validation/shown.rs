//! Conditions as users write them.

use std::fmt::Write as _;

use plan::Json;

use super::facts::Test;
use super::{DEPTH_MAX, TEXT_BYTES_MAX};

/// The text of a condition; it ends where it is too long.
pub(super) fn shown(steps: &[Json]) -> String {
    let mut text = String::new();
    if let Some(last) = steps.len().checked_sub(1) {
        write(steps, last, &mut text, 0);
    }
    text
}

fn write(steps: &[Json], at: usize, out: &mut String, depth: usize) {
    let Some(step) = steps.get(at).filter(|_| out.len() < TEXT_BYTES_MAX && depth < DEPTH_MAX)
    else {
        return out.push_str("...");
    };
    if let Some(column) = step["col"].as_str() {
        return out.push_str(column);
    }
    if let Some(value) = step.get("value") {
        let _ = write!(out, "{value}");
        return;
    }
    let args = step["args"].as_array().into_iter().flatten();
    let args: Vec<usize> = args
        .filter_map(|arg| usize::try_from(arg.as_u64()?).ok())
        .filter(|arg| *arg < at)
        .collect();
    let op = step["op"].as_str().unwrap_or_default();
    let sign = match op {
        "and" => "&&",
        "or" => "||",
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        op => Test::named(op).map_or("", Test::sign),
    };
    match args.as_slice() {
        [only] if op == "cast" => write(steps, *only, out, depth + 1),
        [left, right] if !sign.is_empty() => {
            let bare = depth == 0 || !matches!(op, "and" | "or");
            out.push_str(if bare { "" } else { "(" });
            write(steps, *left, out, depth + 1);
            let _ = write!(out, " {sign} ");
            write(steps, *right, out, depth + 1);
            out.push_str(if bare { "" } else { ")" });
        }
        args => {
            let _ = write!(out, "{}(", if op == "not" { "!" } else { op });
            for (number, arg) in args.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                write(steps, *arg, out, depth + 1);
            }
            out.push(')');
        }
    }
}
