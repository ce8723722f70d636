//! Queries: from their text to what they give for a message.

use std::cell::RefCell;

use formats::value::Text;
use jaq_core::data::HasLut;
use jaq_core::load::{self, Arena, File, Loader, lex};
use jaq_core::{Compiler, Ctx, DataT, Vars, compile};

use super::alternatives;
use super::budget;
use super::funs;
use super::val::Val;

/// The values of queries, and what functions get besides their input.
pub(super) struct Data;

/// The terms of a query. Whoever looks one up takes a step.
#[derive(Clone)]
pub(super) struct Terms<'q>(&'q jaq_core::Lut<Data>);

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Terms<'a>;
}

impl<'q> HasLut<'q, Data> for Terms<'q> {
    fn lut(&self) -> &'q jaq_core::Lut<Data> {
        budget::take(1);
        self.0
    }
}

/// Definitions in the query language that go before a query.
const DEFINITIONS: &str = include_str!("defs.jq");
/// Variables that a query sees.
const VARIABLES: [&str; 3] = ["$metadata", "$ENV", "$__now"];
/// Definitions of the library that need what is left out of it, or that are defined otherwise.
const LEFT_OUT: [&str; 43] = [
    "stderr",
    "debug",
    "halt",
    "halt_error",
    "abs",
    "min_by",
    "max_by",
    "min",
    "max",
    "unique_by",
    "unique",
    "pick",
    "keys",
    "flatten",
    "capture_of_match",
    "test",
    "scan_",
    "match",
    "capture",
    "split",
    "splits",
    "sub",
    "gsub",
    "scan",
    "nth",
    "join",
    "combinations",
    "paths",
    "delpaths",
    "walk",
    "del",
    "to_entries",
    "from_entries",
    "with_entries",
    "type",
    "setpath",
    "logb",
    "significand",
    "gamma",
    "pow10",
    "@sh",
    "nan",
    "infinite",
];

thread_local! {
    /// What `error` was called with last.
    static THROWN: RefCell<Option<Val>> = const { RefCell::new(None) };
}

/// Notes that a query calls `error`: its message is shown as that of the user.
pub(super) fn thrown(val: &Val) {
    THROWN.set(Some(val.clone()));
}

/// A compiled query.
pub(super) struct Query {
    filter: jaq_core::Filter<Data>,
}

impl Query {
    /// Compiles a query.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let text = alternatives::written_out(text);
        let text = text.as_str();
        let library = jaq_core::defs().chain(jaq_std::defs());
        let library = library.filter(|def| !LEFT_OUT.contains(&def.name));
        let own = load::parse(DEFINITIONS, |parser| parser.defs()).unwrap_or_default();
        let (arena, file) = (Arena::default(), File { code: text, path: () });
        let modules = Loader::new(library.chain(own)).load(&arena, file);
        let modules = modules.map_err(|errors| {
            let error = errors.first().map(|(_, error)| not_read(error)).unwrap_or_default();
            match error.starts_with("cannot load") {
                true => format!("error compiling jq query: {error}"),
                false => format!("error parsing jq query: {error}"),
            }
        })?;
        let compiler = Compiler::default().with_funs(funs::all());
        let filter = compiler.with_global_vars(VARIABLES).compile(modules).map_err(|errors| {
            let error = errors.iter().flat_map(|(_, errors)| errors).next();
            let error = error.map(|(name, what)| undefined(name, what)).unwrap_or_default();
            format!("error compiling jq query: {error}")
        })?;
        Ok(Query { filter })
    }

    /// Runs the query; what it gives is handed to `then` within its limits.
    ///
    /// # Errors
    /// What went wrong, or why it was ended.
    pub(super) fn run<T>(
        &self,
        input: impl FnOnce() -> (Val, Val),
        wall_ns: i128,
        then: impl FnOnce(Vec<Val>) -> T,
    ) -> Result<T, String> {
        let result = budget::within(|| {
            let (input, metadata) = input();
            let variables = [metadata, Val::obj([]), funs::seconds(wall_ns)];
            let cx = Ctx::<Data>::new(Terms(&self.filter.lut), Vars::new(variables));
            let mut given = Vec::new();
            for result in self.filter.id.run((cx, input)) {
                budget::take(1);
                given.push(result.map_err(failure)?);
            }
            Ok(then(given))
        });
        THROWN.take();
        result.and_then(|result| result)
    }
}

fn failure(exception: jaq_core::Exn<'_, Val>) -> String {
    let Ok(error) = exception.get_err() else { return "break".to_owned() };
    let val = error.into_val();
    let by_user = THROWN.with_borrow(|thrown| thrown.as_ref().is_some_and(|t| *t == val));
    match by_user {
        true => format!("error: {val}"),
        false => val.to_string(),
    }
}

fn not_read(error: &load::Error<&str>) -> String {
    let unexpected = |token: &str| match token {
        "" => "unexpected EOF".to_owned(),
        token => format!("unexpected token {token:?}"),
    };
    match error {
        load::Error::Io(errors) => {
            let path = errors.first().map(|(path, _)| *path).unwrap_or_default();
            format!("cannot load module: {path:?}")
        }
        load::Error::Lex(errors) => match errors.first() {
            Some((lex::Expect::Delim(_), _)) | None => unexpected(""),
            Some((_, rest)) => {
                unexpected(rest.get(..rest.chars().next().map_or(0, char::len_utf8)).unwrap_or(""))
            }
        },
        load::Error::Parse(errors) => unexpected(errors.first().map_or("", |(_, found)| *found)),
    }
}

fn undefined(name: &str, what: &compile::Undefined) -> String {
    match what {
        compile::Undefined::Filter(_) if name == "input" || name == "inputs" => {
            "input(s)/0 is not allowed".to_owned()
        }
        compile::Undefined::Filter(_) if name.starts_with('@') => {
            format!("format not defined: {name}")
        }
        compile::Undefined::Filter(arity) => format!("function not defined: {name}/{arity}"),
        what => format!("{} not defined: {name}", what.as_str()),
    }
}

/// The metadata of a message as a query sees it.
pub(super) fn metadata(meta: Option<&plan::Meta>) -> Val {
    let members = meta.into_iter().flat_map(plan::Meta::iter);
    Val::obj(members.map(|(key, value)| (Text::from(key), Val::of(value))))
}
