//! What each workload must produce, computed plainly and independently of any engine.

pub(crate) mod mapping;
pub(crate) mod projection;
pub(crate) mod windows;
