//! What each workload must produce, computed plainly and independently of any engine.

pub(crate) mod digest;
pub(crate) mod kernels;
pub(crate) mod keys;
pub(crate) mod mapping;
pub(crate) mod nexmark;
pub(crate) mod projection;
pub(crate) mod vwap;
pub(crate) mod windows;
