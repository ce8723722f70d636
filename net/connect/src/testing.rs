//! What tests of connectors share: a source context that collects and acks, an environment with a
//! toy language, and a run in both io modes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use formats::k::K;
use formats::value::Value;
use plan::drafts::{Drafts, Shown, Workshop};
use plan::env::{Payload, Request};
use plan::{
    Batch, BuildError, Class, Code, Component, Data, Emitted, Env, Expr, Fault, Form, Json,
    Language, LocalBoxFuture, Log, Meta, Operator, OperatorError, Outcome, Record, Services, Sink,
    Source, SourceContext, SourceError,
};

/// Runs a test on a reactor in every io mode that the machine has.
pub(crate) fn both_modes<F, Fut>(test: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    for mode in rt::testing::modes() {
        rt::run_reactor(rt::ReactorConfig::new(mode, "test"), &test).expect("a reactor");
    }
}

type Judge = Box<dyn FnMut(&Seen) -> Outcome>;

/// What a future gives when it is looked at once.
pub(crate) async fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A batch that was emitted.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) texts: Vec<String>,
    pub(crate) meta: Vec<Option<Arc<Meta>>>,
    pub(crate) data: Data,
}

/// Collects what a source emits and decides its outcome.
pub(crate) struct Fake {
    pub(crate) seen: RefCell<Vec<Seen>>,
    pub(crate) errors: RefCell<Vec<String>>,
    judge: RefCell<Judge>,
    /// Rounds that are over, and whether a state has the beginning of one.
    pub(crate) rounds: Cell<usize>,
    pub(crate) goes_on: Cell<bool>,
    stopped: Cell<bool>,
    /// Takes no batch at all.
    pub(crate) blocked: Cell<bool>,
    holding: Cell<bool>,
    wakers: Rc<RefCell<Vec<Waker>>>,
    this: RefCell<std::rc::Weak<Fake>>,
}

impl Fake {
    pub(crate) fn new() -> Rc<Self> {
        Fake::judging(|_| Outcome::default())
    }

    pub(crate) fn judging(judge: impl FnMut(&Seen) -> Outcome + 'static) -> Rc<Self> {
        let fake = Rc::new(Fake {
            seen: RefCell::default(),
            errors: RefCell::default(),
            judge: RefCell::new(Box::new(judge)),
            rounds: Cell::default(),
            goes_on: Cell::default(),
            stopped: Cell::default(),
            blocked: Cell::default(),
            holding: Cell::default(),
            wakers: Rc::default(),
            this: RefCell::default(),
        });
        *fake.this.borrow_mut() = Rc::downgrade(&fake);
        fake
    }

    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.wakers.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// Whether what becomes of batches is kept back from now on; what was kept is told then.
    pub(crate) fn hold(&self, holding: bool) {
        self.holding.set(holding);
        self.wakers.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// Waits until this is so.
    fn until(&self, so: fn(&Fake) -> bool) -> LocalBoxFuture<'static, ()> {
        let this = self.this.borrow().clone();
        let wakers = Rc::clone(&self.wakers);
        Box::pin(std::future::poll_fn(move |cx| {
            if this.upgrade().is_none_or(|fake| so(&fake)) {
                return Poll::Ready(());
            }
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        }))
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.seen.borrow().iter().flat_map(|s| s.texts.clone()).collect()
    }

    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.seen.borrow().iter().map(|s| s.texts.len()).collect()
    }

    pub(crate) fn meta(&self, key: &str) -> Vec<String> {
        let seen = self.seen.borrow();
        let metas = seen.iter().flat_map(|s| s.meta.iter());
        metas.map(|m| value_text(m.as_ref().and_then(|m| m.get(key)))).collect()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.errors.borrow().clone()
    }
}

fn value_text(value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Value::String(text)) => text.to_str_lossy().into_owned(),
        Some(other) => {
            let mut out = Vec::new();
            let _ = formats::json::write_value(&mut out, other);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

impl SourceContext for Fake {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(async move {
            rt::yield_now().await;
            if self.stopped.get() {
                return Err(SourceError::Stopped);
            }
            if self.blocked.get() {
                return std::future::pending().await;
            }
            let texts = match &batch.data {
                Data::Value(_) => vec!["value".to_owned()],
                data => crate::scanners::testing::texts(std::slice::from_ref(data)),
            };
            let meta = match &batch.data {
                Data::Records(records) => records.recs.iter().map(|r| r.meta.clone()).collect(),
                Data::Raw(raw) => vec![raw.meta.clone(); texts.len()],
                _ => Vec::new(),
            };
            let seen = Seen { texts, meta, data: batch.data };
            let outcome = (self.judge.borrow_mut())(&seen);
            self.seen.borrow_mut().push(seen);
            let told = self.until(|fake| !fake.holding.get());
            Ok(Emitted(Box::pin(async move {
                told.await;
                outcome
            })))
        })
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        self.until(|fake| fake.stopped.get())
    }

    fn is_stopping(&self) -> bool {
        self.stopped.get()
    }

    fn connected(&self, _: bool) {}

    fn goes_on(&self) -> bool {
        self.goes_on.get()
    }

    fn round_ended(&self) -> LocalBoxFuture<'_, Result<(), SourceError>> {
        self.rounds.set(self.rounds.get() + 1);
        Box::pin(async { Ok(()) })
    }

    fn error(&self, text: &str) {
        self.errors.borrow_mut().push(text.to_owned());
    }

    fn instance(&self) -> (usize, usize) {
        (0, 1)
    }
}

/// Services that remember.
#[derive(Default)]
pub(crate) struct TestServices {
    pub(crate) ports: RefCell<HashMap<(String, String), flume::Sender<Request>>>,
    pub(crate) published: RefCell<Vec<(String, K)>>,
    pub(crate) console: RefCell<String>,
    pub(crate) logs: RefCell<Vec<String>>,
    pub(crate) files: RefCell<HashMap<String, Vec<u8>>>,
    pub(crate) bells: RefCell<HashMap<String, plan::Bell>>,
    /// A clock in place of the real one, which goes on only while somebody sleeps; nanoseconds.
    pub(crate) own_wall_ns: Cell<Option<i128>>,
}

impl TestServices {
    pub(crate) fn port(&self, kind: &str, name: &str) -> flume::Sender<Request> {
        self.ports.borrow()[&(kind.to_owned(), name.to_owned())].clone()
    }
}

impl Services for TestServices {
    fn now_ns(&self) -> u64 {
        rt::now().0
    }

    fn wall_ns(&self) -> i128 {
        self.own_wall_ns.get().unwrap_or_else(|| i128::from(rt::wall()))
    }

    fn sleep(&self, ns: u64) -> LocalBoxFuture<'static, ()> {
        if let Some(now) = self.own_wall_ns.get() {
            self.own_wall_ns.set(Some(now + i128::from(ns)));
            return Box::pin(rt::yield_now());
        }
        Box::pin(rt::sleep(std::time::Duration::from_nanos(ns)))
    }

    fn random(&self) -> u64 {
        rt::rng::next_u64()
    }

    fn env_var(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.borrow().get(path).cloned().ok_or_else(|| format!("no file {path}"))
    }

    fn hostname(&self) -> String {
        "test".to_owned()
    }

    fn log(&self, _: Log, text: &str, _: &[(&str, &str)]) {
        self.logs.borrow_mut().push(text.to_owned());
    }

    fn count(&self, _: &str) -> u64 {
        1
    }

    fn bell(&self, name: &str) -> plan::Bell {
        self.bells.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    fn open_port(
        &self,
        kind: &str,
        name: &str,
        _: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        let (sender, receiver) = flume::bounded(64);
        self.ports.borrow_mut().insert((kind.to_owned(), name.to_owned()), sender);
        Ok(receiver)
    }

    fn publish(&self, name: &str, value: K) {
        self.published.borrow_mut().push((name.to_owned(), value));
    }

    fn console(&self, lines: &str) {
        self.console.borrow_mut().push_str(lines);
    }
}

/// An environment that builds this crate's components and speaks a toy language, and the real one
/// where code is in that.
#[derive(Clone)]
pub(crate) struct TestEnv {
    pub(crate) services: Rc<TestServices>,
    component: Component,
}

/// Runs an example of a processor; the contents of what it makes.
pub(crate) async fn processed(spec: &plan::OperatorSpec, example: &plan::Example) -> Vec<String> {
    let mut config: Json = serde_json::from_str(example.config).expect("JSON");
    let schema = (spec.schema)();
    for (name, field) in schema["properties"].as_object().expect("fields") {
        let code = field.to_string().contains("x-kind\":\"mapping")
            || field.to_string().contains("x-kind\":\"text");
        if let Some(text) = config.get(name).cloned().filter(|_| code) {
            config[name] = serde_json::json!({"lang": "bloblang", "text": text});
        }
    }
    let env = TestEnv::new();
    let mut operator = (spec.build)(&config, &env).expect("it is built");
    let mut out = Vec::new();
    let input = batch(example.input);
    operator.on_batch(input, &mut out).finish().await.expect("it works");
    let records = out.iter().filter_map(Batch::as_records);
    let texts = records.flat_map(|records| {
        let text = |index| {
            let mut scratch = Vec::new();
            String::from_utf8_lossy(records.bytes(index, &mut scratch)).into_owned()
        };
        (0..records.recs.len()).map(text).collect::<Vec<_>>()
    });
    texts.collect()
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        TestEnv { services: Rc::default(), component: Component::new("test", Json::Null) }
    }

    /// Turns a text field of a configuration into code, as a lowering does.
    pub(crate) fn code(mut config: Json, field: &str) -> Json {
        if let Some(text) = config.get(field).cloned() {
            config[field] = serde_json::json!({"lang": "toy", "text": text});
        }
        config
    }
}

impl Env for TestEnv {
    fn operator(&self, component: &Component) -> Result<Box<dyn Operator>, BuildError> {
        Err(BuildError::new(format!("there is no operator '{}'", component.name)))
    }

    fn source(&self, component: &Component) -> Result<Box<dyn Source>, BuildError> {
        let spec = crate::SOURCES.iter().find(|s| s.name == component.name);
        let spec = spec.ok_or_else(|| BuildError::new("there is no such source"))?;
        (spec.build)(&component.config, self)
    }

    fn sink(&self, component: &Component) -> Result<Box<dyn Sink>, BuildError> {
        let spec = crate::SINKS.iter().find(|s| s.name == component.name);
        let spec = spec.ok_or_else(|| BuildError::new("there is no such sink"))?;
        (spec.build)(&component.config, self)
    }

    fn expr(&self, code: &Code, form: Form) -> Result<Box<dyn Expr>, BuildError> {
        if code.lang != bloblang::LANGUAGE.name() {
            return Ok(Box::new(Toy(code.text.clone())));
        }
        let wrong = |errors: Vec<plan::Diagnostic>| BuildError::new(errors[0].message.clone());
        let session = bloblang::LANGUAGE.open(None, self.services()).map_err(wrong)?;
        session.compile(code, form).map_err(wrong)
    }

    fn component(&self) -> &Component {
        &self.component
    }

    fn services(&self) -> Rc<dyn Services> {
        self.services.clone()
    }

    fn workshop(&self, _: &Drafts) -> Result<Rc<dyn Workshop>, BuildError> {
        Ok(Rc::new(self.clone()))
    }
}

impl TestEnv {
    /// A component and how it looks, from JSON.
    fn draft(text: &[u8]) -> Result<(Component, Shown), String> {
        let document: Json = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let component = serde_json::from_value(document.clone()).map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(text).into_owned();
        Ok((component, Shown { text, document }))
    }
}

impl Workshop for TestEnv {
    fn source(&self, text: &[u8], _: &str) -> Result<(Box<dyn Source>, Shown), String> {
        let (component, shown) = TestEnv::draft(text)?;
        Ok((Env::source(self, &component).map_err(|e| e.text)?, shown))
    }

    fn sink(&self, text: &[u8], _: &str) -> Result<(Box<dyn Sink>, Shown), String> {
        let (component, shown) = TestEnv::draft(text)?;
        Ok((Env::sink(self, &component).map_err(|e| e.text)?, shown))
    }
}

/// Sends a request to a port; returns status and body of the answer.
pub(crate) async fn ask(
    port: &flume::Sender<Request>,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let (reply, answer) = flume::bounded(1);
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        remote: String::new(),
        payload: Payload::Bytes(bytes::Bytes::from(body.to_owned())),
        incoming: None,
        encryption: None,
        reply,
    };
    port.send_async(request).await.unwrap();
    let response = answer.recv_async().await.unwrap();
    (response.status, String::from_utf8_lossy(&response.body).into_owned())
}

/// `content` is the content of the message, `content=x` whether it is x, `@x` metadata, `fail` an
/// error, `errored` whether the message failed; anything else stands for itself. `[...]` in a text
/// is replaced by the value of what is inside.
struct Toy(String);

impl Toy {
    fn one(&self, batch: &Batch, index: usize, code: &str) -> Result<String, Fault> {
        let records = batch.as_records().expect("records");
        let mut scratch = Vec::new();
        let content = String::from_utf8_lossy(records.bytes(index, &mut scratch)).into_owned();
        let none = Record::default();
        let record = records.recs.get(index).unwrap_or(&none);
        match code {
            "content" => Ok(content),
            "fail" => Err(Fault::new("toy failed")),
            "errored" => Ok(record.fault.is_some().to_string()),
            "error" => Ok(record.fault.as_ref().map(|f| f.text.clone()).unwrap_or_default()),
            _ => match (code.strip_prefix('@'), code.strip_prefix("content=")) {
                (Some(key), _) => Ok(value_text(record.meta.as_ref().and_then(|m| m.get(key)))),
                (_, Some(wanted)) => Ok((content == wanted).to_string()),
                _ => Ok(code.to_owned()),
            },
        }
    }
}

impl Expr for Toy {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn map(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let text = self.0.clone();
        if text == "content" {
            out.push(batch);
            return Ok(());
        }
        for record in &mut batch.as_records_mut().expect("records").recs {
            record.body = plan::Body::Own(Arc::new(text.clone().into_bytes()));
        }
        out.push(batch);
        Ok(())
    }

    fn test(
        &mut self,
        batch: &Batch,
        mask: &mut Vec<Result<bool, Fault>>,
    ) -> Result<(), OperatorError> {
        for index in 0..batch.len() {
            mask.push(self.one(batch, index, &self.0).map(|text| text == "true"));
        }
        Ok(())
    }

    fn value(&mut self, batch: &Batch, index: usize) -> Result<Value, Fault> {
        self.one(batch, index, &self.0).map(Value::text)
    }

    fn text(&mut self, batch: &Batch, index: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut rest = self.0.as_str();
        while let Some((before, code)) = rest.split_once('[') {
            let (code, after) = code.split_once(']').expect("a closing bracket");
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(self.one(batch, index, code)?.as_bytes());
            rest = after;
        }
        out.extend_from_slice(rest.as_bytes());
        Ok(())
    }

    fn constant(&self) -> Option<&str> {
        (!self.0.contains('[')).then_some(&self.0)
    }
}

/// A batch of messages with these contents.
pub(crate) fn batch(texts: &[&str]) -> Batch {
    Batch::records(plan::Records::from_bodies(texts.iter().map(|t| t.as_bytes().to_vec())))
}
