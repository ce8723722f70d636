//! Edits to a record: which members are replaced or deleted, and by what.

/// Most segments of a path that is edited.
pub const EDIT_DEPTH_MAX: usize = 64;

/// Edits that are not possible on a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// What stands above the edited path `slot` is no object. The text is not enough to say what
    /// follows from that; a document in memory is.
    #[error("the parent of edited path {slot} is not an object")]
    NotAnObject {
        /// Number of the path.
        slot: usize,
    },
}

/// Paths that cannot be edited together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditPathError {
    /// The path is the whole document, which is no edit of it.
    #[error("the empty path cannot be edited")]
    Empty,
    /// There are more than [`EDIT_DEPTH_MAX`] segments.
    #[error("an edited path has more than {EDIT_DEPTH_MAX} segments")]
    TooDeep,
    /// A path is given twice, or leads into another.
    #[error("edited path {slot} overlaps another")]
    Overlap {
        /// Number of the path.
        slot: usize,
    },
}

#[derive(Clone, Copy, Default)]
enum Slot {
    #[default]
    Keep,
    Delete,
    Replace {
        from: usize,
        to: usize,
    },
}

/// What happens at a path.
pub(super) enum State<'e> {
    Keep,
    Delete,
    Replace(&'e [u8]),
}

/// The edits of one record by the number of their path; reused from record to record. A path
/// without an edit stays as it is.
#[derive(Default)]
pub struct Edits {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
}

impl Edits {
    /// Forgets all edits.
    #[inline]
    pub fn clear(&mut self) {
        self.slots.clear();
        self.bytes.clear();
    }

    #[inline]
    fn set(&mut self, slot: usize, state: Slot) {
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, Slot::Keep);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = state;
        }
    }

    /// Leaves the path as it is, which also takes an earlier edit back.
    pub fn keep(&mut self, slot: usize) {
        self.set(slot, Slot::Keep);
    }

    /// Deletes the member at the path, if there is one.
    #[inline]
    pub fn delete(&mut self, slot: usize) {
        self.set(slot, Slot::Delete);
    }

    /// Replaces or adds the member at the path. `write` appends its value, which must be canonical
    /// JSON.
    #[inline]
    pub fn replace_with<R>(&mut self, slot: usize, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let from = self.bytes.len();
        let result = write(&mut self.bytes);
        let to = self.bytes.len();
        debug_assert!(to > from, "a value has a text");
        self.set(slot, Slot::Replace { from, to });
        result
    }

    /// Replaces or adds the member at the path by a value that is canonical JSON.
    #[inline]
    pub fn replace(&mut self, slot: usize, value: &[u8]) {
        self.replace_with(slot, |out| out.extend_from_slice(value));
    }

    #[inline]
    pub(super) fn state(&self, slot: usize) -> State<'_> {
        match self.slots.get(slot) {
            None | Some(Slot::Keep) => State::Keep,
            Some(Slot::Delete) => State::Delete,
            Some(Slot::Replace { from, to }) => {
                State::Replace(self.bytes.get(*from..*to).unwrap_or(&[]))
            }
        }
    }
}

/// A segment of edited paths.
#[derive(Default)]
pub(super) struct Node {
    pub(super) key: Vec<u8>,
    /// Number of the path that ends here.
    pub(super) edit: Option<usize>,
    /// Places of the segments below, in the order of their keys.
    pub(super) children: Vec<usize>,
}

/// The edited paths as a tree. Node 0 is the document.
pub(super) struct EditTree {
    nodes: Vec<Node>,
}

impl EditTree {
    pub(super) fn new<S: AsRef<[u8]>>(paths: &[&[S]]) -> Result<Self, EditPathError> {
        let mut tree = EditTree { nodes: vec![Node::default()] };
        for (slot, path) in paths.iter().enumerate() {
            if path.is_empty() {
                return Err(EditPathError::Empty);
            }
            if path.len() > EDIT_DEPTH_MAX {
                return Err(EditPathError::TooDeep);
            }
            let mut at = 0;
            for segment in *path {
                if tree.nodes[at].edit.is_some() {
                    return Err(EditPathError::Overlap { slot });
                }
                at = tree.child(at, segment.as_ref());
            }
            if tree.nodes[at].edit.is_some() || !tree.nodes[at].children.is_empty() {
                return Err(EditPathError::Overlap { slot });
            }
            tree.nodes[at].edit = Some(slot);
        }
        Ok(tree)
    }

    fn child(&mut self, parent: usize, key: &[u8]) -> usize {
        let nodes = &self.nodes;
        let found = nodes[parent].children.binary_search_by(|&c| nodes[c].key.as_slice().cmp(key));
        match found {
            Ok(at) => nodes[parent].children[at],
            Err(at) => {
                let new = self.nodes.len();
                self.nodes.push(Node { key: key.to_vec(), ..Node::default() });
                self.nodes[parent].children.insert(at, new);
                new
            }
        }
    }

    #[inline]
    pub(super) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// A path at or below a node whose edit is `wanted`.
    pub(super) fn first(
        &self,
        at: usize,
        edits: &Edits,
        wanted: fn(&State<'_>) -> bool,
    ) -> Option<usize> {
        let node = self.node(at);
        match node.edit {
            Some(slot) => wanted(&edits.state(slot)).then_some(slot),
            None => node.children.iter().find_map(|&child| self.first(child, edits, wanted)),
        }
    }
}
