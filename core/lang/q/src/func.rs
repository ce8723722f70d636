//! The functions of q as values.

use crate::ast::Lambda;
use crate::lex::Adverb;
use crate::verbs::{self, Verb};
use formats::k::{Function, K, unwind};
use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// A function that this crate made.
#[derive(Clone, Debug)]
pub(crate) enum Fun {
    /// `{x+y}`
    Lambda(Lambda),
    /// A built-in.
    Verb(&'static Verb),
    /// A function and some of its arguments; `None` where one is still to come.
    Projection(K, Vec<Option<K>>),
    /// Functions applied one after the other, the last first.
    Composition(Vec<K>),
    /// An iterator with its function.
    Derived(Adverb, K),
    /// A view as its namespace has it: its text, and what `value` gives of it.
    View(String, K),
}

impl Fun {
    /// The function as a value.
    pub(crate) fn into_k(self) -> K {
        K::Func(Arc::new(self))
    }

    /// The function in a value, if this crate made it.
    pub(crate) fn of(k: &K) -> Option<&Self> {
        match k {
            K::Func(f) => f.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The built-in in a value.
    pub(crate) fn verb(k: &K) -> Option<&'static Verb> {
        match Self::of(k)? {
            Self::Verb(verb) => Some(verb),
            _ => None,
        }
    }

    /// How many arguments complete the function, where that is fixed.
    pub(crate) fn rank(k: &K) -> usize {
        match k {
            K::Func(_) => match Self::of(k) {
                Some(Self::Lambda(l)) => l.params,
                Some(Self::Verb(v)) => v.rank(),
                Some(Self::Projection(f, args)) => {
                    let given = args.iter().filter(|a| a.is_some()).count();
                    Self::rank(f).max(args.len()).saturating_sub(given)
                }
                Some(Self::Composition(parts)) => parts.last().map_or(1, Self::rank),
                Some(Self::Derived(adverb, f)) => match adverb {
                    Adverb::Each => Self::rank(f),
                    Adverb::Over | Adverb::Scan => Self::rank(f).max(1),
                    Adverb::Prior => 1,
                    Adverb::EachLeft | Adverb::EachRight => 2,
                },
                Some(Self::View(..)) | None => 1,
            },
            _ => 1,
        }
    }
}

impl Function for Fun {
    fn code(&self) -> i8 {
        match self {
            Self::Lambda(_) | Self::View(..) => 100,
            Self::Verb(v) => v.code(),
            Self::Projection(..) => 104,
            Self::Composition(_) => 105,
            Self::Derived(adverb, _) => match adverb {
                Adverb::Each => 106,
                Adverb::Over => 107,
                Adverb::Scan => 108,
                Adverb::Prior => 109,
                Adverb::EachRight => 110,
                Adverb::EachLeft => 111,
            },
        }
    }

    fn source(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Lambda(l) => Cow::Borrowed(l.text().as_bytes()),
            Self::View(text, _) => Cow::Borrowed(text.as_bytes()),
            Self::Verb(v) => Cow::Borrowed(v.name.as_bytes()),
            Self::Derived(adverb, _) => Cow::Borrowed(adverb.glyph().as_bytes()),
            Self::Projection(..) | Self::Composition(_) => Cow::Borrowed(b""),
        }
    }

    fn context(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Lambda(l) => Cow::Borrowed(l.context.as_str().trim_start_matches('.').as_bytes()),
            _ => Cow::Borrowed(b""),
        }
    }

    fn index(&self) -> Option<u8> {
        match self {
            Self::Verb(v) => verbs::wire_index(v),
            _ => None,
        }
    }

    fn items(&self) -> Vec<K> {
        match self {
            Self::Projection(f, args) => {
                let args = args.iter().map(|a| a.clone().unwrap_or_default());
                std::iter::once(f.clone()).chain(args).collect()
            }
            Self::Composition(parts) => parts.clone(),
            Self::Derived(_, f) => vec![f.clone()],
            Self::Lambda(_) | Self::Verb(_) | Self::View(..) => Vec::new(),
        }
    }

    fn take_items(&mut self) -> Vec<K> {
        match self {
            Self::Projection(f, args) => {
                let mut items: Vec<K> = std::mem::take(args).into_iter().flatten().collect();
                items.push(std::mem::take(f));
                items
            }
            Self::Composition(parts) => std::mem::take(parts),
            Self::Derived(_, f) => vec![std::mem::take(f)],
            Self::View(_, parts) => vec![std::mem::take(parts)],
            Self::Lambda(_) | Self::Verb(_) => Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        let tree = match self {
            Self::Lambda(l) => l.text().len() * NODE_BYTES,
            _ => 0,
        };
        size_of::<Self>() + tree
    }

    fn shared(&self) -> Option<(usize, usize)> {
        match self {
            Self::Lambda(l) => Some((Arc::as_ptr(&l.source) as usize, l.source.text.len())),
            _ => None,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Bytes that the tree of a function takes for each byte of its text, about.
const NODE_BYTES: usize = 32;

impl Drop for Fun {
    fn drop(&mut self) {
        unwind(self.take_items());
    }
}
