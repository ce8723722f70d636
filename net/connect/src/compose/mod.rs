//! What connectors that hold other connectors share.

pub mod backoff;
pub mod chain;
pub mod child;
pub mod part;
pub mod records;

/// What a context within another one leaves to that: everything but what is emitted.
macro_rules! leave_to {
    ($outer:tt) => {
        fn stopping(&self) -> plan::LocalBoxFuture<'static, ()> {
            self.$outer.stopping()
        }

        fn is_stopping(&self) -> bool {
            self.$outer.is_stopping()
        }

        fn connected(&self, up: bool) {
            self.$outer.connected(up);
        }

        fn error(&self, text: &str) {
            self.$outer.error(text);
        }

        fn instance(&self) -> (usize, usize) {
            self.$outer.instance()
        }
    };
}
pub(crate) use leave_to;

/// The category of components that only hold others; the engine gives them no series of their own.
pub const CATEGORY: &str = "composite";

/// Most children of one component, copies included.
pub const CHILDREN_MAX: usize = 1024;
