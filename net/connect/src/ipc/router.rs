//! What clients of the port may ask for, and who answers.

use std::future::ready;

use flume::Sender;
use formats::k::K;
use plan::LocalBoxFuture;
use plan::env::Request;

/// What a text stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The name of something.
    Name(String),
    /// A call of something by its name, with arguments that are known.
    Call(String, Vec<K>),
}

/// An open port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Where requests go.
    pub requests: Sender<Request>,
    /// The number of the reactor that takes them, where that is one of those that talk to clients.
    pub home: Option<usize>,
}

impl From<Sender<Request>> for Port {
    fn from(requests: Sender<Request>) -> Self {
        Port { requests, home: None }
    }
}

/// What there is to be asked for, and who answers. Whatever is not here is refused: what a client
/// sends is data, unless [`Router::evaluate`] says otherwise.
pub trait Router {
    /// The open port of kind `ipc` under a name: a callback.
    fn port(&self, name: &str) -> Option<Port>;

    /// What a text stands for; nothing when it is neither a name nor a call with known arguments.
    ///
    /// # Errors
    /// What the client is told of a text that is one of these and cannot be read.
    fn read(&self, text: &[u8]) -> Result<Option<Said>, String> {
        let _ = text;
        Ok(None)
    }

    /// The value of a variable that a pipeline publishes.
    ///
    /// # Errors
    /// What the client is told when that cannot be found out.
    fn variable<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<K>, String>> {
        let _ = name;
        Box::pin(ready(Ok(None)))
    }

    /// Calls a function that clients may call; nothing when there is none of this name.
    fn function<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [K],
    ) -> LocalBoxFuture<'a, Option<Result<K, String>>> {
        let _ = (name, arguments);
        Box::pin(ready(None))
    }

    /// Evaluates what is none of the above; nothing where that is not allowed.
    fn evaluate<'a>(&'a self, request: &'a K) -> LocalBoxFuture<'a, Option<Result<K, String>>> {
        let _ = request;
        Box::pin(ready(None))
    }
}

impl<F: Fn(&str) -> Option<Sender<Request>>> Router for F {
    fn port(&self, name: &str) -> Option<Port> {
        self(name).map(Port::from)
    }
}
