//! Functions that apply functions, and iterators as values.

use super::{Class, Verb};
use crate::error::{Result, rank_error};
use crate::func::Fun;
use crate::iterators;
use crate::lex::Adverb;
use crate::session::Session;
use formats::k::K;

fn each(cx: &mut Session, f: K, x: K) -> Result {
    iterators::each(cx, &f, vec![x])
}

fn over(cx: &mut Session, f: K, x: K) -> Result {
    iterators::over(cx, &f, vec![x])
}

fn scan(cx: &mut Session, f: K, x: K) -> Result {
    iterators::scan(cx, &f, vec![x])
}

fn prior(cx: &mut Session, f: K, x: K) -> Result {
    iterators::prior(cx, &f, vec![x])
}

/// `:` as a function: what is on the right.
fn right(_: &mut Session, _: K, y: K) -> Result {
    Ok(y)
}

/// An iterator applied to a function, or to several: a composition.
fn derived(adverb: Adverb, args: Vec<K>) -> Result {
    let count = args.len();
    let mut args = args.into_iter();
    let is_text = |k: &K| k.as_sym().is_some() || !k.is_atom() && k.as_text().is_some();
    match (args.next(), count) {
        // In a parse tree this is what `'x` is, too; neither is a function.
        (Some(text), 1) if adverb == Adverb::Each && is_text(&text) => {
            Err(crate::eval::signal(&text))
        }
        (Some(f), 1) => Ok(Fun::Derived(adverb, f).into_k()),
        (Some(f), _) if adverb == Adverb::Each => {
            Ok(Fun::Composition(std::iter::once(f).chain(args).collect()).into_k())
        }
        _ => Err(rank_error()),
    }
}

macro_rules! glyphs {
    ($($name:ident $adverb:ident),*) => {$(
        fn $name(_: &mut Session, args: Vec<K>) -> Result {
            derived(Adverb::$adverb, args)
        }
    )*};
}
glyphs!(
    quote Each, slash Over, backslash Scan, quote_colon Prior,
    slash_colon EachRight, backslash_colon EachLeft
);

const fn glyph(name: &'static str, run: super::Polyad, example: &'static str) -> Verb {
    let summary = "An iterator: derives a function from a function.";
    Verb::function(name, (1, 2), run, summary, example)
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "each",
        Class::Other,
        each,
        "Applies a function to each item.",
        "q)count each (1 2;3 4 5)\n2 3",
    ),
    Verb::infix("peach", Class::Other, each, "As each.", "q)neg peach 1 2\n-1 -2"),
    Verb::infix("over", Class::Other, over, "Folds a list.", "q)(*) over 1 2 3 4\n24"),
    Verb::infix(
        "scan",
        Class::Other,
        scan,
        "Folds a list and keeps each step.",
        "q)(+) scan 1 2 3\n1 3 6",
    ),
    Verb::infix(
        "prior",
        Class::Other,
        prior,
        "Applies a function to neighbours.",
        "q)(-) prior 1 3 6\n1 2 3",
    ),
    Verb::infix(":", Class::Other, right, "The right argument.", "q)@[1 2 3;1;:;5]\n1 5 3"),
    glyph("'", quote, "q)'[neg;{x+y}][1;2]\n-3"),
    glyph("/", slash, "q)(+/)1 2 3\n6"),
    glyph("\\", backslash, "q)(+\\)1 2 3\n1 3 6"),
    glyph("':", quote_colon, "q)(-':)1 3 6\n1 2 3"),
    glyph("/:", slash_colon, "q)1 2+/:10 20\n11 12\n21 22"),
    glyph("\\:", backslash_colon, "q)1 2+\\:10 20\n11 21\n12 22"),
];
