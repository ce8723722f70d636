//! Values that are taken apart by patterns: `(a;b):x`.

use super::{Flow, Frame, Stop, placed};
use crate::ast::{Assign, Case, Expr, Match, Node, Pattern};
use crate::error::{QError, Result, length_error, type_error};
use crate::kernel::find;
use crate::session::Session;
use formats::k::{K, Sym};

/// Variables that are set when all of a pattern fits.
type Found<'a> = Vec<(&'a Node, K)>;

impl Session {
    /// Sets the variables of a pattern when a value fits it; the value is that of the assignment,
    /// with what functions in the pattern made of its parts.
    #[inline(never)]
    pub(super) fn matching(&mut self, m: &Match, at: &Node, frame: &mut Frame) -> Flow {
        self.matched(m, frame).map_err(|stop| placed(stop, at))
    }

    fn matched(&mut self, m: &Match, frame: &mut Frame) -> Flow {
        let value = self.node(&m.value, frame)?;
        let mut found = Vec::new();
        let value = self.fit(&m.pattern, value, &mut found, frame)?;
        self.bind(found, frame)?;
        Ok(value)
    }

    fn bind(&mut self, found: Found<'_>, frame: &mut Frame) -> Flow<()> {
        for (node, value) in found {
            if let Expr::Assign(a) = &node.expr {
                let value = Node::new(Expr::Const(value), node.span);
                self.assign(&Assign { value, ..Assign::clone(a) }, node.span, frame)?;
            }
        }
        Ok(())
    }

    /// What stands beside the first pattern that a value fits.
    #[inline(never)]
    pub(super) fn case(&mut self, case: &Case, at: &Node, frame: &mut Frame) -> Flow {
        let value = self.node(&case.value, frame)?;
        for (pattern, result) in &case.arms {
            let mut found = Vec::new();
            match self.fit(pattern, value.clone(), &mut found, frame) {
                Ok(_) => {
                    self.bind(found, frame)?;
                    return self.node(result, frame);
                }
                Err(Stop::Error(error)) if !error.fatal => {}
                Err(stop) => return Err(stop),
            }
        }
        match &case.otherwise {
            Some(node) => self.node(node, frame),
            None => Err(QError::new("match").at(at.span).into()),
        }
    }

    fn fit<'a>(
        &mut self,
        pattern: &'a Pattern,
        value: K,
        found: &mut Found<'a>,
        frame: &mut Frame,
    ) -> Flow {
        match pattern {
            Pattern::Any => Ok(value),
            Pattern::Bind(node) => {
                found.push((node, value.clone()));
                Ok(value)
            }
            Pattern::Value(node) => {
                if self.node(node, frame)? == value {
                    return Ok(value);
                }
                Err(QError::new("match").at(node.span).into())
            }
            Pattern::List(items) => self.fit_list(items, value, found, frame),
            Pattern::Keys(keys, values) => {
                let keys = self.node(keys, frame)?;
                self.fit_keys(&keys, values, &value, found, frame)?;
                Ok(value)
            }
            Pattern::Columns(names, columns) => {
                for (name, pattern) in names.iter().zip(columns) {
                    let column = column(&value, *name)?;
                    self.fit(pattern, column, found, frame)?;
                }
                Ok(value)
            }
            Pattern::Pair(keys, values) => {
                let K::Dict(dict) = &value else { return Err(type_error().into()) };
                self.fit(keys, dict.keys.clone(), found, frame)?;
                self.fit(values, dict.values.clone(), found, frame)?;
                Ok(value)
            }
            Pattern::Flip(pattern) => {
                let K::Table(t) = &value else { return Err(type_error().into()) };
                let dict = K::dict(K::syms(t.names.to_vec()), K::list(t.columns.clone()));
                self.fit(pattern, dict, found, frame)?;
                Ok(value)
            }
            Pattern::Checked(pattern, check) => {
                let check_value = self.node(check, frame)?;
                let value = match check_value.as_sym() {
                    Some(letter) if has_type(&value, letter) => value,
                    Some(_) => return Err(type_error().at(check.span).into()),
                    None => self.call1(&check_value, value).map_err(|e| e.at(check.span))?,
                };
                self.fit(pattern, value, found, frame)
            }
        }
    }

    fn fit_keys<'a>(
        &mut self,
        keys: &K,
        values: &'a [Pattern],
        value: &K,
        found: &mut Found<'a>,
        frame: &mut Frame,
    ) -> Flow<()> {
        let K::Dict(dict) = value else { return Err(type_error().into()) };
        if keys.len() != values.len() {
            return Err(length_error().into());
        }
        for (key, pattern) in keys.items().zip(values) {
            let place = find::find(&dict.keys, &key)?.as_long().unwrap_or(i64::MAX);
            let place = usize::try_from(place).ok().filter(|p| *p < dict.keys.len());
            let place = place.ok_or_else(|| QError::new("match"))?;
            self.fit(pattern, dict.values.at(place), found, frame)?;
        }
        Ok(())
    }

    fn fit_list<'a>(
        &mut self,
        items: &'a [Pattern],
        value: K,
        found: &mut Found<'a>,
        frame: &mut Frame,
    ) -> Flow {
        if value.is_atom() || value.len() != items.len() {
            return Err(length_error().into());
        }
        let mut changed = Vec::with_capacity(items.len());
        for (item, pattern) in value.items().zip(items) {
            changed.push(self.fit(pattern, item, found, frame)?);
        }
        // Only functions in the pattern change something.
        let same = value.items().zip(&changed).all(|(before, now)| before == *now);
        Ok(if same { value } else { K::collapse(changed) })
    }
}

/// A column of a table, keyed or not.
fn column(k: &K, name: Sym) -> Result {
    let flat = crate::verbs::unkeyed(k)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    t.column(name).cloned().ok_or_else(|| QError::new("match"))
}

/// Whether a value is an atom of the type of a small letter, or a vector of that of a capital.
fn has_type(k: &K, letter: Sym) -> bool {
    let [letter] = letter.as_bytes() else { return false };
    let of = k.ty().map(formats::k::Type::letter);
    match k {
        K::Atom(..) => of == Some(*letter),
        K::Vec(_) => of.map(|l| l.to_ascii_uppercase()) == Some(*letter),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn lists_and_constants() {
        check(
            "q)(b;c):2 3\nq)b,c\n2 3\nq)((d;e);f):(1 2;`x)\nq)d,e\n1 2\nq)f\n`x\nq)(b;c):2 3 4\n\
             'length\nq)(b;c;3):7 8 9\n'match\nq)b\n2\nq)(a;b;):1 2 3\nq)a,b\n1 2\nq)(1 2):1 2\n\
             q)(1):2\n'match\nq)(a;b):([]x:1 2;y:3 4)\nq)b\nx| 2\ny| 4\n\
             q){(p;q):x;p-q}5 3\n2\nq)p\n'p\nq)a:1 2 3;(a[1];b):9 8;a\n1 9 3\nq)(a+1):1\n'assign",
        )
        .unwrap();
    }

    #[test]
    fn dictionaries_and_tables() {
        check(
            "q)(1 2!(one;two)):1 2 3!\"abc\"\nq)one,two\n\"ab\"\n\
             q)(1 2!(one;two)):1 3!\"ac\"\n'match\nq)([x:;y:d]):`x`y`z!1 2 3\nq)d\n2\n\
             q)([]c:e):([]a:1 2;c:5 6)\nq)e\n5 6\n\
             q)([k:f]c:e):([k:7 8]c:3 4)\nq)f\n7 8\nq)(flip([a;b])):([]a:1 2;b:3 4)\nq)b\n3 4\n\
             q)(a!b):1 2!\"xy\"\nq)b\n\"xy\"\nq)(a!):1 2!3 4\nq)a\n1 2",
        )
        .unwrap();
    }

    #[test]
    fn types_and_functions() {
        check(
            "q)(:`f):3f\nq)(:`f):3e\n'type\nq)((a;b):`F):3 4f\nq)a\n3f\nq)((a;b):`F):3 4e\n'type\n\
             q)(a:3+):4\nq)a\n7\nq)x:(b;:1+):1 2\nq)x\n1 3\nq)b\n1",
        )
        .unwrap();
    }
    #[test]
    fn parameters() {
        check(
            "q)f:{[(a;b);c]a+b+c}\nq)f[1 2;3]\n6\nq)f[1 2 3;3]\n'length\nq)f[1 2]3\n6\n\
             q)f:{[x;]x}\nq)f[3;4]\n3\nq)warm:{$[x<0;'\"cold\";x]}\nq)f:{[x:warm]32+1.8*x}\n\
             q)f -4.5\n'cold\nq)f 20\n68f\nq)f:{[(a;b):`J;([c:d])]d,a-b}\n\
             q)f[5 3;([c:7])]\n7 2\nq)f[5 3f;([c:7])]\n'type\nq)f\n{[(a;b):`J;([c:d])]d,a-b}\n\
             q){[(a;b)]}1 2\nq)each[{[(k;v)]k*v}](1 2;3 4)\n2 12\nq)({[(a;b)]a}')(1 2;3 4)\n1 3",
        )
        .unwrap();
    }

    #[test]
    fn choices() {
        check(
            "q)a: :[1f;r:`f;\"float\";r:`i;\"int\";\"other\"]\nq)a\n\"float\"\nq)r\n1f\n\
             q):[1i;r:`f;\"float\";r:`i;\"int\";\"other\"]\n\"int\"\nq)r\n1i\n\
             q):[1;r:`f;\"float\";r:`i;\"int\";\"other\"]\n\"other\"\nq)r\n1i\n\
             q):[1;2;`two;3;`three]\n'match\nq)f:{:[x;(a;b);a-b;1;`one;c;neg c]}\n\
             q)f each (5 3;1;7)\n2\n`one\n-7\nq):[1 2;(a;b;c);a;(a;b):`F;2;3]\n3",
        )
        .unwrap();
    }
}
