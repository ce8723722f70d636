//! Questions to the environment of a spec while it runs (spec/kdb-ipc.md §5): a text to evaluate,
//! or a function with its arguments. Who may ask what is decided by whoever hands them on.

use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Sym};

/// Steps that one answer may take: the pipeline waits for it.
pub(super) const STEPS_MAX: u64 = 10_000_000;

/// Answers a question.
///
/// # Errors
/// What its evaluation signals.
pub(super) fn answer(session: &mut Session, question: &K) -> Result {
    let answered = session.within(STEPS_MAX, |session| evaluate(session, question));
    // What is pushed while no batch is there belongs to none.
    session.qsp.pushed.clear();
    answered
}

fn evaluate(session: &mut Session, question: &K) -> Result {
    if let Some(text) = question.as_text() {
        return session.eval(&String::from_utf8_lossy(text), "question");
    }
    if let Some(name) = question.as_sym() {
        return named(session, name);
    }
    let symbols = question.as_syms().map(|all| all.iter().map(|name| K::sym(*name)).collect());
    let parts: Vec<K> = match (question.as_list(), symbols) {
        (Some(parts), _) => parts.to_vec(),
        (None, symbols) => symbols.unwrap_or_default(),
    };
    let Some((head, arguments)) = parts.split_first() else { return Err(type_error()) };
    let function = match (head.as_sym(), head.as_text(), head) {
        (Some(name), _, _) => named(session, name)?,
        (_, Some(text), _) => session.eval(&String::from_utf8_lossy(text), "question")?,
        // A function that was sent is its text.
        (_, _, K::Func(function)) => {
            let text = function.source().into_owned();
            session.eval(&String::from_utf8_lossy(&text), "question")?
        }
        (_, _, other) => other.clone(),
    };
    session.apply(&function, arguments)
}

/// What a name stands for. One of `.qsp` that there is not is not there yet.
fn named(session: &Session, name: Sym) -> Result {
    if let Some(value) = session.globals.get(&name) {
        return Ok(value.clone());
    }
    match verbs::value(name.as_str()) {
        K::Null if name.as_str().starts_with(".qsp.") => Err(QError::nyi(name.as_str())),
        K::Null => Err(QError::new(name.as_str())),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Options;

    fn session() -> Session {
        session_within(Options::default())
    }

    fn session_within(options: Options) -> Session {
        let mut session = Session::new(options);
        let spec = "n:5\nf:{x+n}\n.qsp.run .qsp.read.fromCallback[`publish]\n  \
            .qsp.map[{.qsp.set[x;y;z]; z}; .qsp.use `name`state!(`kept;7)]\n  \
            .qsp.write.toConsole[]";
        session.load_script(spec).unwrap();
        session
    }

    #[test]
    fn texts_names_and_calls_are_answered() {
        let mut session = session();
        let list = |items: Vec<K>| K::list(items);
        for (question, want) in [
            (K::str("n*2"), "10"),
            (K::sym("n"), "5"),
            (list(vec![K::sym("f"), K::long(1)]), "6"),
            (list(vec![K::str("f"), K::long(1)]), "6"),
            (list(vec![K::str("{x*y}"), K::long(3), K::long(4)]), "12"),
            (list(vec![K::str("{.qsp.get[x;::]}"), K::sym("kept")]), "7"),
            (list(vec![K::sym(".qsp.get"), K::sym("kept"), K::Null]), "7"),
            (K::syms(vec!["count".into(), "a".into()]), "1"),
        ] {
            let answer = answer(&mut session, &question);
            assert_eq!(answer.map(|k| session.show(&k)), Ok(want.to_owned()), "{question:?}");
        }
    }

    #[test]
    fn errors_are_those_of_q_and_long_answers_end() {
        let mut session = session();
        let mut error = |question: K| answer(&mut session, &question).unwrap_err().text.clone();
        assert_eq!(error(K::str("nope")), "nope");
        assert_eq!(error(K::sym("nope")), "nope");
        assert_eq!(error(K::sym(".qsp.nope")), "nyi: .qsp.nope");
        assert_eq!(error(K::str("1+`a")), "type");
        assert_eq!(error(K::str("(1;2")), ")");
        assert_eq!(error(K::long(1)), "type");
        assert_eq!(error(K::list(Vec::new())), "type");
        assert_eq!(error(K::list(vec![K::sym(".qsp.get"), K::sym("nope"), K::Null])), "nope");
        assert_eq!(error(K::str("while[1b;1]")), "stop");
        assert_eq!(error(K::str("do[20000000;1]")), "stop", "it has its own limit");
        let fine = session.eval("do[20000000;1]", "test");
        assert!(fine.is_ok(), "the limit of the session is as it was");
    }

    #[test]
    fn answers_take_no_more_memory_than_the_pipeline_may() {
        let options = Options { memory_max: 8 << 20, ..Options::default() };
        let mut session = session_within(options);
        let mut ask = |text: &str| answer(&mut session, &K::str(text)).map_err(|e| e.text.clone());
        let full = Err("wsfull".to_owned());
        assert_eq!(ask("{til 100000} each til 1000"), full);
        assert_eq!(ask("n*2"), Ok(K::long(10)));
        let grow = "buf,:til 10000;0";
        assert_eq!(ask("buf:();0"), Ok(K::long(0)));
        let taken = (0..1000).take_while(|_| ask(grow).is_ok()).count();
        assert!((10..100).contains(&taken), "{taken}");
        assert_eq!(ask(grow), full);
        assert_eq!(ask("count buf"), Ok(K::long(taken as i64 * 10_000)));
        assert_eq!(answer(&mut session, &K::list(vec![K::sym("f"), K::long(1)])), Ok(K::long(6)));
    }

    #[test]
    fn what_is_pushed_by_a_question_goes_nowhere() {
        let mut session = session();
        answer(&mut session, &K::str(".qsp.push[`a;::;1]")).unwrap();
        assert!(session.qsp.pushed.is_empty());
    }
}
