//! What can come out of a condition: one thing where all is known that it reads, several where not.

use crate::text::expression::{Leaf, Tree};

/// The outcomes that are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Possible {
    pub(crate) yes: bool,
    pub(crate) no: bool,
    pub(crate) error: bool,
}

impl Possible {
    pub(crate) const YES: Self = Self { yes: true, no: false, error: false };
    pub(crate) const NO: Self = Self { yes: false, no: true, error: false };
    pub(crate) const ERROR: Self = Self { yes: false, no: false, error: true };
    pub(crate) const ANY: Self = Self { yes: true, no: true, error: true };

    fn or(self, other: Self) -> Self {
        Self {
            yes: self.yes || other.yes,
            no: self.no || other.no,
            error: self.error || other.error,
        }
    }

    fn when(self, possible: bool) -> Self {
        if possible { self } else { Self::default() }
    }
}

/// Goes through a condition as Cedar does: from the left, and no further than it has to.
pub(crate) fn possible<L>(
    tree: &Tree<(Leaf, L)>,
    of_leaf: &mut dyn FnMut(&Leaf, &L) -> Possible,
) -> Possible {
    match tree {
        Tree::Leaf((leaf, compiled)) => of_leaf(leaf, compiled),
        Tree::Not(inner) => {
            let Possible { yes, no, error } = possible(inner, of_leaf);
            Possible { yes: no, no: yes, error }
        }
        Tree::And(left, right) => {
            let left = possible(left, of_leaf);
            if !left.yes {
                return left;
            }
            let short = Possible { yes: false, ..left };
            short.or(possible(right, of_leaf))
        }
        Tree::Or(left, right) => {
            let left = possible(left, of_leaf);
            if !left.no {
                return left;
            }
            let short = Possible { no: false, ..left };
            short.or(possible(right, of_leaf))
        }
        Tree::If(condition, then, otherwise) => {
            let condition = possible(condition, of_leaf);
            let error = Possible::ERROR.when(condition.error);
            let then = if condition.yes { possible(then, of_leaf) } else { Possible::default() };
            let otherwise =
                if condition.no { possible(otherwise, of_leaf) } else { Possible::default() };
            error.or(then).or(otherwise)
        }
    }
}
