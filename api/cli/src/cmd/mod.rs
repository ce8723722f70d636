//! One file per subcommand.

pub(crate) mod blobl;
pub(crate) mod buffer;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod echo;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod nes;
pub(crate) mod plan;
pub(crate) mod q;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod streams;
pub(crate) mod template;
pub(crate) mod test;
