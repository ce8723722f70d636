//! `/streams/{id}/stats` (spec/benthos-streams-api.md §5).

use engine::Key;

use super::metrics::flat;
use super::{Benthos, OWNER, answers};
use crate::exchange::Reply;

impl Benthos {
    /// The metrics of one stream since it last started.
    pub(super) async fn stats(&self, id: &str) -> Reply {
        let view = match self.streams.get(id).await {
            Ok(view) => view,
            Err(failure) => return failure.reply(),
        };
        match self.streams.engine.metrics(Key::new(OWNER, id)).await {
            Ok(Some(series)) => Reply::json(200, &flat(&series, view.uptime_ns)),
            Ok(None) => answers::not_found(),
            Err(_) => Reply::unavailable(),
        }
    }
}
