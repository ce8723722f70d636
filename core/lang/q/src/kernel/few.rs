//! Lists that mostly have one item, which then has no memory of its own: what is done for one row,
//! or for one column of keys, is done for every message of a feed.

use std::ops::Deref;

/// See the head of the file.
#[derive(Debug)]
pub(crate) enum Few<T> {
    One([T; 1]),
    Many(Vec<T>),
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        match (items.next(), items.next()) {
            (Some(one), None) => Self::One([one]),
            (first, second) => Self::Many(first.into_iter().chain(second).chain(items).collect()),
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_they_were_made_of() {
        for count in 0..4 {
            let few: Few<usize> = (0..count).collect();
            assert!(few.iter().copied().eq(0..count));
            assert_eq!(matches!(few, Few::One(_)), count == 1);
        }
    }
}
