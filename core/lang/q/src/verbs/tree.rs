//! Programs as data: `parse`, and what `eval` makes of statements in parse trees.

use super::{Class, Verb};
use crate::ast::{Assign, Expr, Lambda, Node, Query, Verb as Word};
use crate::error::{QError, Result, rank_error, type_error};
use crate::parse::Statement;
use crate::session::{DEPTH_MAX, Session};
use formats::k::{K, Sym, Type};

/// The parse tree of a text.
pub(super) fn parse(cx: &mut Session, x: K) -> Result {
    let text = x.as_text().ok_or_else(type_error)?;
    let text = String::from_utf8_lossy(text).into_owned();
    cx.charge(1 + text.len())?;
    let statements = crate::parse::parse(&text, (DEPTH_MAX - cx.depth) / 2)?;
    if let Some(block) = several(cx, &text)? {
        return Ok(block);
    }
    let mut trees = Vec::with_capacity(statements.len());
    for statement in &statements {
        match statement {
            Statement::Expr(node, _) => trees.push(tree(cx, node, &text)?),
            Statement::Command(command, _) => {
                trees.push(K::list(vec![K::sym("system"), K::str(command)]));
            }
        }
    }
    if trees.len() == 1 {
        return Ok(trees.pop().unwrap_or_default());
    }
    Ok(sequence(trees))
}

/// The tree of the statements of one line, of which some may be empty; nothing for one statement.
fn several(cx: &mut Session, text: &str) -> Result<Option<K>> {
    if !text.contains(';') || text.contains(['\n', '\r']) || text.starts_with(['/', '\\', '#']) {
        return Ok(None);
    }
    let text = format!("[{text}]");
    // A comment at the end would hide the bracket.
    let Ok(mut statements) = crate::parse::parse(&text, (DEPTH_MAX - cx.depth) / 2) else {
        return Ok(None);
    };
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Expr(node, _)), true) => match &node.expr {
            Expr::Block(nodes) if nodes.len() > 1 => tree(cx, &node, &text).map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Several statements: `(";";a;b)`.
fn sequence(trees: Vec<K>) -> K {
    K::list(std::iter::once(K::char(b';')).chain(trees).collect())
}

fn verb(name: &str) -> K {
    super::value(name)
}

fn list(head: K, rest: impl IntoIterator<Item = K>) -> K {
    K::list(std::iter::once(head).chain(rest).collect())
}

fn trees(cx: &mut Session, nodes: &[Node], text: &str) -> Result<Vec<K>> {
    nodes.iter().map(|n| tree(cx, n, text)).collect()
}

fn tree(cx: &mut Session, node: &Node, text: &str) -> Result {
    cx.deeper(|cx| {
        Ok(match &node.expr {
            Expr::Const(k) => quoted(k),
            Expr::Name(name) => named(*name, node)?,
            Expr::Apply(f, args) => {
                let head = tree(cx, f, text)?;
                list(head, trees(cx, args, text)?)
            }
            Expr::Derived(adverb, f) => list(verb(adverb.glyph()), [tree(cx, f, text)?]),
            Expr::List(items) => list(verb("enlist"), trees(cx, items, text)?),
            Expr::Table(keys, columns) => {
                let values = flipped(cx, columns, text)?;
                match keys.as_slice() {
                    [] => values,
                    _ => list(verb("!"), [flipped(cx, keys, text)?, values]),
                }
            }
            Expr::Assign(assign) => assignment(cx, assign, text)?,
            Expr::Cond(n) => list(verb("$"), trees(cx, n, text)?),
            Expr::If(n) => list(K::sym("if"), trees(cx, n, text)?),
            Expr::While(n) => list(K::sym("while"), trees(cx, n, text)?),
            Expr::Do(n) => list(K::sym("do"), trees(cx, n, text)?),
            Expr::Block(n) => sequence(trees(cx, n, text)?),
            Expr::Return(n) => list(verb(":"), [tree(cx, n, text)?]),
            Expr::Signal(n) => list(verb("'"), [tree(cx, n, text)?]),
            Expr::Lambda(_) => {
                let body = text.get(node.span.0..node.span.1).unwrap_or_default();
                cx.statements(body)?.0
            }
            Expr::Query(query) => query_tree(cx, query, text)?,
            _ => K::Null,
        })
    })
}

/// A literal: symbols are marked by a list around them, since names are symbols.
fn quoted(k: &K) -> K {
    match k {
        K::Atom(Type::Symbol, _) => k.clone().enlist(),
        K::Vec(v) if v.ty == Type::Symbol => K::list(vec![k.clone()]),
        _ => k.clone(),
    }
}

fn named(name: Sym, node: &Node) -> Result {
    let text = name.as_str();
    match super::find(text) {
        Some(_) => Ok(verb(text)),
        None if super::is_known(text) => Err(QError::nyi(text).at(node.span)),
        None => Ok(K::sym(name)),
    }
}

/// `flip names!columns`.
fn flipped(cx: &mut Session, columns: &[(Sym, Node)], text: &str) -> Result {
    let names = K::list(vec![K::syms(columns.iter().map(|(n, _)| *n).collect())]);
    let values: Result<Vec<K>> = columns.iter().map(|(_, n)| tree(cx, n, text)).collect();
    let dict = list(verb("!"), [names, list(verb("enlist"), values?)]);
    Ok(list(verb("flip"), [dict]))
}

fn assignment(cx: &mut Session, a: &Assign, text: &str) -> Result {
    let Expr::Name(name) = a.target.expr else { return Err(QError::new("assign")) };
    let target = match &a.index {
        Some(index) => list(K::sym(name), trees(cx, index, text)?),
        None => K::sym(name),
    };
    let value = tree(cx, &a.value, text)?;
    let value = match &a.through {
        Some(f) => list(tree(cx, f, text)?, [target.clone(), value]),
        None => value,
    };
    let head = if a.global { K::Null } else { verb(":") };
    Ok(list(head, [target, value]))
}

/// Named trees: a dictionary of names.
fn columns_tree(cx: &mut Session, columns: &[(Sym, Node)], text: &str) -> Result {
    let names = K::syms(columns.iter().map(|(n, _)| *n).collect());
    let values: Result<Vec<K>> = columns.iter().map(|(_, n)| tree(cx, n, text)).collect();
    Ok(K::dict(names, K::collapse(values?)))
}

/// `(?;t;c;b;a)` or `(!;t;c;b;a)`.
fn query_tree(cx: &mut Session, q: &Query, text: &str) -> Result {
    let none = || K::list(Vec::new());
    let table = tree(cx, &q.from, text)?;
    let filters = match q.filters.as_slice() {
        [] => none(),
        filters => K::list(vec![K::list(trees(cx, filters, text)?)]),
    };
    let by = match (&q.by, q.verb) {
        (Some(by), word) => match (word, by.as_slice()) {
            (Word::Exec, [(_, Node { expr: Expr::Name(name), .. })]) if !q.keyed => {
                K::sym(*name).enlist()
            }
            _ => columns_tree(cx, by, text)?,
        },
        (None, Word::Exec) => none(),
        (None, _) => K::bool(q.distinct),
    };
    let columns = match (q.verb, q.columns.as_slice()) {
        (Word::Delete, []) => K::syms(Vec::new()),
        (Word::Delete, gone) => K::list(vec![K::syms(gone.iter().map(|(n, _)| *n).collect())]),
        (_, []) => none(),
        // In a list, since a tree that is an argument would be evaluated.
        (Word::Exec, [(_, node)]) if !q.named => tree(cx, node, text)?.enlist(),
        (_, columns) => columns_tree(cx, columns, text)?,
    };
    let update = matches!(q.verb, Word::Update | Word::Delete);
    let mut out = vec![verb(if update { "!" } else { "?" }), table, filters, by, columns];
    if q.limit.is_some() || q.order.is_some() {
        out.push(match &q.limit {
            Some(limit) => tree(cx, limit, text)?,
            None => K::long(i64::MAX),
        });
    }
    if let Some((descending, node)) = &q.order {
        let order = verb(if *descending { ">:" } else { "<:" });
        out.push(K::list(vec![list(order, [tree(cx, node, text)?])]));
    }
    Ok(K::list(out))
}

/// The value of a parse tree that changes nothing outside.
fn reval(cx: &mut Session, x: K) -> Result {
    let before = std::mem::replace(&mut cx.frozen, true);
    let value = super::functional::eval(cx, &x);
    cx.frozen = before;
    value
}

/// Sets a variable by its name.
fn set(cx: &mut Session, x: K, y: K) -> Result {
    let name = x.as_sym().ok_or_else(type_error)?;
    if name.as_str().starts_with(':') {
        return Err(QError::nyi("set of a file"));
    }
    if super::is_reserved(name) {
        return Err(QError::new("assign"));
    }
    cx.store_global(name, y)?;
    Ok(x)
}

/// As `value`.
fn get(cx: &mut Session, x: K) -> Result {
    if x.as_sym().is_some_and(|name| name.as_str().starts_with(':')) {
        return Err(QError::nyi("get of a file"));
    }
    super::dict::value(cx, x)
}

/// What `value` gives of a lambda: code (there is none to be seen), parameters, locals, namespace
/// and globals, constants, then where it comes from, as far as it is known, and its text.
pub(super) fn parts(lambda: &Lambda) -> K {
    let space = lambda.context.as_str().trim_start_matches('.');
    // Those of its namespace go by their own names.
    let prefix = if space.is_empty() { "..".to_owned() } else { format!(".{space}.") };
    let mut globals = vec![Sym::new(space)];
    let mut rest = Vec::new();
    for node in &lambda.body {
        crate::compile::walk(node, &mut |n| match &n.expr {
            Expr::Global(name) => {
                let own = name.as_str().strip_prefix(&prefix).map_or(*name, Sym::new);
                if !globals.contains(&own) {
                    globals.push(own);
                }
            }
            Expr::Const(k) if !matches!(k, K::Func(_) | K::Null) && !rest.contains(k) => {
                rest.push(k.clone());
            }
            _ => {}
        });
    }
    let (params, locals) = lambda.locals.split_at(lambda.params.min(lambda.locals.len()));
    let mut out = vec![K::empty(Type::Byte), K::syms(params.to_vec()), K::syms(locals.to_vec())];
    out.push(K::syms(globals));
    out.extend(rest);
    out.extend([K::long(-1), K::str(""), K::str(""), K::long(-1), K::str(lambda.text())]);
    K::list(out)
}

/// The node of a list whose head is a statement, in a tree that is evaluated.
pub(super) fn statement(
    items: &[K],
    mut part: impl FnMut(&K) -> Result<Node>,
) -> Result<Option<Expr>> {
    let Some((head, args)) = items.split_first() else { return Ok(None) };
    let mut parts = |args: &[K]| args.iter().map(&mut part).collect::<Result<Vec<_>>>();
    if let Some(word) = head.as_sym() {
        return Ok(match word.as_str() {
            "if" => Some(Expr::If(parts(args)?)),
            "do" => Some(Expr::Do(parts(args)?)),
            "while" => Some(Expr::While(parts(args)?)),
            _ => None,
        });
    }
    if matches!(head, K::Atom(Type::Char, _)) && head.as_text() == Some(b";") {
        return Ok(Some(Expr::Block(parts(args)?)));
    }
    let glyph = crate::func::Fun::verb(head).map(|v| v.name);
    match (glyph, args) {
        (Some("$"), [_, _, _, ..]) => Ok(Some(Expr::Cond(parts(args)?))),
        (Some(":"), [value]) => Ok(Some(Expr::Return(Box::new(part(value)?)))),
        (Some(":") | None, [target, value]) if glyph.is_some() || matches!(head, K::Null) => {
            let (name, index) = match (target.as_sym(), target.as_list()) {
                (Some(name), _) => (name, None),
                (None, Some([name, index @ ..])) => {
                    (name.as_sym().ok_or_else(|| QError::new("assign"))?, Some(parts(index)?))
                }
                _ => return Ok(None),
            };
            let target = Node::new(Expr::Global(name), (0, 0));
            let value = part(value)?;
            let assign = Assign { target, global: true, index, through: None, value };
            Ok(Some(Expr::Assign(Box::new(assign))))
        }
        (Some("!"), []) => Err(rank_error()),
        _ => Ok(None),
    }
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word(
        "parse",
        Class::Other,
        parse,
        "The parse tree of a text.",
        "q)parse \"1 2+a*`b\"\n+\n1 2\n(*;`a;,`b)\n\
         q)eval parse \"2+4*7\"\n30\n\
         q)parse \"select b:sum c by d from t where e>5\"\n?\n`t\n,,(>;`e;5)\n(,`d)!,`d\n\
         (,`b)!,(sum;`c)",
    ),
    Verb::word(
        "reval",
        Class::Other,
        reval,
        "Evaluates a parse tree that may not set variables.",
        "q)reval (+;1;2)\n3\nq)reval parse \"a:1\"\n'noupdate",
    ),
    Verb::infix(
        "set",
        Class::Other,
        set,
        "Sets a variable by its name.",
        "q)`a set 42\n`a\nq)a\n42",
    ),
    Verb::word(
        "get",
        Class::Other,
        get,
        "The value of a name, a text or a list, as value.",
        "q)a:1 2\nq)get `a\n1 2\nq)get \"2+3\"\n5",
    ),
];

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn statements_are_evaluated_from_their_trees() {
        check(
            "q)eval parse \"a:5\"\n5\nq)a\n5\nq)eval parse \"a+:2\"\n7\nq)a\n7\n\
             q)b:1 2 3\nq)eval parse \"b[1]:9\"\n9\nq)b\n1 9 3\n\
             q)eval parse \"$[a>6;`x;`y]\"\n`x\nq)eval parse \"if[1b;a:1]\"\nq)a\n1\n\
             q)eval parse \"c:1;c+1\"\n2\nq)eval parse \"'`wrong\"\n'wrong\n\
             q)@[eval;parse \"'\\\"bad\\\"\";{x}]\n\"bad\"\n\
             q)eval parse \"count'[(1 2;3)]\"\n2 1",
        )
        .unwrap();
    }

    #[test]
    fn queries_are_evaluated_from_their_trees() {
        check(
            "q)t:([]s:`a`b`a;v:1 2 3)\n\
             q)q:\"select max v by s from t where v>0,s in `a`b\"\n\
             q)(value q)~eval parse q\n1b\nq)(value q)~value eval each parse q\n1b\n\
             q)eval parse \"exec v from t\"\n1 2 3\n\
             q)eval parse \"exec v by s from t\"\na| 1 3\nb| ,2\n\
             q)eval parse \"update v:2*v from t where s=`b\"\ns v\n---\na 1\nb 4\na 3\n\
             q)eval parse \"delete v from t\"\ns\n-\na\nb\na\n\
             q)eval parse \"select[2;>v] from t\"\ns v\n---\na 3\nb 2",
        )
        .unwrap();
    }

    #[test]
    fn lambdas_have_parts() {
        check(
            "q)f:{[a;b]d::neg c:a*b+5;c+e}\nq)(value f)1 2 3 4\n`a`b\n,`c\n``d`e\n5\n\
             q)last value f\n\"{[a;b]d::neg c:a*b+5;c+e}\"\nq)value each (+;-;*;%)\n1 2 3 4\n\
             q)\\d .test\nq)f:{[a]d::a+e}\nq)\\d .\nq)(value .test.f)3\n`test`d`e",
        )
        .unwrap();
    }

    #[test]
    fn what_is_not_there_is_told() {
        check("q)parse \"{hopen x}\"\n'nyi: hopen\nq)`:f set 1\n'nyi: set of a file").unwrap();
    }
    #[test]
    fn statements_of_a_line_may_be_empty() {
        check(
            "q)parse \";;select from t\"\n\";\"\n::\n::\n(?;`t;();0b;())\n\
             q)parse \"a;b;\"\n\";\"\n`a\n`b\n::\nq)parse \"f[1;2]\"\n`f\n1\n2\n\
             q)parse \"a;b / and that\"\n\";\"\n`a\n`b\nq)eval parse \"x:1;x+2\"\n3\n\
             q)parse \"{x;y}\"\n{x;y}\nq)parse \"a<=b\"\n~>\n`a\n`b\n\
             q)parse \"x and y\"\n&\n`x\n`y\nq)parse \"x or y\"\n|\n`x\n`y\n\
             q)(and;or)~(&;|)\n1b\n\
             q)parse \"select[2;>v] from t\"\n?\n`t\n()\n0b\n()\n2\n,(>:;`v)",
        )
        .unwrap();
    }

    #[test]
    fn an_operator_in_parentheses_before_its_only_argument() {
        check(
            "q)parse \"6(+)4\"\n6\n(+:;4)\nq)($)42\n\"42\"\nq)(#)1 2 3\n3\n\
             q)(+)`a`b!(1 2;3 4)\na b\n---\n1 3\n2 4\nq)(!).(`a`b;1 2)\na| 1\nb| 2\n\
             q)(+)[1;2]\n3\nq)(-)5\n-5\nq)3(-)5\n'Cannot write to handle 3. OS reports: Bad file \
             descriptor\nq)(+)over 1 2 3\n6\nq)1 2 3 ::\n1 2 3\nq)n:3 ::\nq)n\n3\n\
             q)f:{x+y}\nq)g:`f[5;]\nq)`g 3\n8\nq)(( + )) 2 2#1 2 3 4\n1 3\n2 4",
        )
        .unwrap();
    }
}
