//! Questions to the language of a running pipeline, which answers them where the pipeline runs.

use formats::k::K;
use plan::Session;

use crate::api::{Ask, EngineHandle, Key, Unavailable};
use crate::panics::guarded;
use crate::shard::Control;
use crate::table::Table;
use crate::views::answer;

/// What a language answers; nothing where it answers no questions, or nobody is there any more.
pub(crate) type Answered = Option<Result<K, String>>;

/// A question to the language of a pipeline.
pub struct Inquiry {
    key: Key,
    question: K,
    reply: flume::Sender<Answered>,
}

impl EngineHandle {
    /// Asks the language of a pipeline what it keeps there; nothing when the pipeline does not run
    /// or its language answers no questions. The inner error is the one of the language.
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn inquire(
        &self,
        key: Key,
        question: K,
    ) -> Result<Option<Result<K, String>>, Unavailable> {
        let make = |reply| Ask::Inquire(Box::new(Inquiry { key, question, reply }));
        self.ask(make).await
    }
}

impl Table {
    /// Asks the home shard of a pipeline.
    pub(crate) async fn inquire(&self, inquiry: Inquiry) {
        let Inquiry { key, question, reply } = inquiry;
        let row = self.rows.borrow().get(&key).map(|row| (row.home, row.token));
        let shard = row.and_then(|(home, token)| Some((self.shards.get(home)?, token)));
        let answered = match shard {
            None => None,
            Some((shard, token)) => {
                let (tell, told) = flume::bounded(1);
                let _ = shard.send(Control::Inquire(token, question, tell));
                answer(told).await.flatten()
            }
        };
        let _ = reply.send(answered);
    }
}

/// Asks; a panic is the error of the question and of nothing else.
pub(crate) fn ask(session: &dyn Session, question: &K) -> Answered {
    guarded(|| session.ask(question)).unwrap_or_else(|panic| Some(Err(panic)))
}
