//! A checkpoint that somebody asks for.

use engine::{CheckpointError, PipelineView};
use serde_json::json;

use super::routes::{Kdb, busy, error};
use crate::exchange::Reply;

impl Kdb {
    /// Keeps the state of a pipeline now; answers when it is durable.
    pub(super) async fn checkpoint(&self, view: &PipelineView) -> Reply {
        let key = view.spec.key.clone();
        match self.engine.checkpoint(key).await {
            Err(_) => busy(),
            Ok(Ok(())) => Reply::json(200, &json!({ "id": view.spec.key.id })),
            Ok(Err(CheckpointError::Missing)) => error(409, "the pipeline does not run"),
            Ok(Err(CheckpointError::Stateless)) => error(
                400,
                "the pipeline keeps no state: it was created without persistence.worker, or with \
                 a checkpointFreq of 0",
            ),
            Ok(Err(e @ (CheckpointError::NoDirectory | CheckpointError::NoOperator))) => {
                error(400, &e.to_string())
            }
            Ok(Err(e @ CheckpointError::Late)) => error(503, &e.to_string()),
            Ok(Err(e @ CheckpointError::Failed(_))) => error(500, &e.to_string()),
        }
    }
}
