//! What writers can never deliver.

use super::*;
use crate::qsp::batch::close;
use plan::{Component, Role};

const HANDLER: &str =
    "n:0\n.qsp.onError {[error;op;msg] n+:1; -1 \" \" sv (string op`name;-3!msg;error);}\n";

/// The environment of a spec, and its sinks.
fn opened(spec: &str) -> (Rc<Around>, Box<dyn plan::Session>, Vec<Component>) {
    let around = Rc::<Around>::default();
    let plan = lower(spec).unwrap();
    let session = LANGUAGE.open(plan.prelude.as_ref(), around.clone()).unwrap();
    let sinks = plan.nodes.into_iter().filter(|node| node.role == Role::Sink);
    (around, session, sinks.map(|node| node.component).collect())
}

#[test]
fn the_handler_of_errors_gets_what_a_writer_refuses_for_good() {
    let (around, session, sinks) = opened(&format!(
        "{HANDLER}s:.qsp.read.fromCallback[`p]\na:s .qsp.write.toDatabase[`t; `:d; \
         .qsp.use ``name!``kept]\nb:s .qsp.write.toProcess[.qsp.use \
         `name`handle`target!(`called;`::5000;`f)]\n.qsp.run (a;b)"
    ));
    let fault = Fault::new("no");
    let metadata = K::dict(K::syms(vec!["key".into()]), K::longs(vec![7]));
    let data = [close(metadata, K::long(1)), Data::Value(K::list(vec![K::sym("f"), K::long(2)]))];
    for (sink, data) in sinks.iter().zip(data) {
        session.refused(sink, &data, &fault).unwrap();
    }
    let lines = [
        "kept `metadata`data!((,`key)!,7;1) no",
        "called `metadata`data!((`symbol$())!();(`f;2)) no",
    ];
    assert_eq!(around.logged(), lines);
    assert_eq!(around.failed.get(), 0, "the engine has counted them");
    assert_eq!(session.ask(&K::sym("n")), Some(Ok(K::long(2))));
    let other = Component { label: "other".to_owned(), ..Component::default() };
    session.refused(&other, &Data::Value(K::Null), &fault).unwrap();
    assert_eq!(session.ask(&K::sym("n")), Some(Ok(K::long(2))), "no writer of the spec");
}

#[test]
fn without_a_handler_it_is_enough_that_it_was_counted() {
    let (around, session, sinks) = opened(&format!("{READ} .qsp.write.toStream[`t]"));
    session.refused(&sinks[0], &Data::Value(K::Null), &Fault::new("no")).unwrap();
    assert!(around.logged().is_empty());
}

#[test]
fn an_error_of_the_handler_is_counted_and_a_limit_fails_the_pipeline() {
    let refused = |handler: &str| {
        let spec =
            format!(".qsp.onError {{[error;op;msg] {handler}}}\n{READ} .qsp.write.toStream[`t]");
        let (around, session, sinks) = opened(&spec);
        let told = session.refused(&sinks[0], &Data::Value(K::long(1)), &Fault::new("no"));
        (told, around.failed.get())
    };
    assert_eq!(refused("1+`a"), (Ok(()), 1));
    let fails = Err(OperatorError::new("onError: 'wsfull"));
    assert_eq!(refused("til 1099511627776"), (fails, 1));
}
