//! `renameColumns`: new names for columns.

use crate::error::Result;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs;
use formats::k::K;

/// Renames by a dictionary of old and new names.
pub(in crate::qsp) struct RenameColumns;

impl Stage for RenameColumns {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let scheme = node.option("nameScheme").cloned().unwrap_or_default();
        out.push((metadata, cx.call2(&verbs::value("xcol"), scheme, data)?));
        Ok(())
    }
}
