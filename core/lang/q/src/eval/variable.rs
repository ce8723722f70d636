//! Changing variables, and entries of namespaces, by their names.

use super::Change;
use crate::error::{QError, Result, type_error};
use crate::func::Fun;
use crate::session::Session;
use crate::verbs::{self, Class};
use formats::k::{K, Sym};

impl Change<'_> {
    /// Whether nothing of a program runs while it is made, so that nobody sees the variable.
    fn is_unseen(&self) -> bool {
        let unseen = |f: &K| {
            let verb = Fun::verb(f);
            verb.is_some_and(|v| v.class == Class::Atomic || matches!(v.name, ":" | ","))
        };
        self.through.is_none_or(unseen)
    }
}

impl Session {
    /// Changes the parts of a variable that a path selects; after an error it is as it was. Where
    /// the name is that of a namespace, the variables in it are the parts.
    pub(crate) fn amend_variable(
        &mut self,
        name: Sym,
        path: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        if self.frozen {
            return Err(QError::new("noupdate"));
        }
        if self.views.is_stale(name) {
            self.refresh(name)?;
        }
        if !self.globals.contains_key(&name) {
            if let Some(inside) = self.namespace(name) {
                return self.amend_namespace(name, inside, path, change);
            }
            let value = self.first_value(name, path, &change)?;
            return self.store_global(name, value);
        }
        if verbs::is_reserved(name) {
            return Err(QError::new("assign"));
        }
        let Some(slot) = self.globals.get_mut(&name) else { return Ok(()) };
        // It is taken out while it changes, so that it need not be copied, unless a function that
        // may look at it runs meanwhile.
        let mut value = if change.is_unseen() { std::mem::take(slot) } else { slot.clone() };
        let done = self.guarded(|cx| cx.amend(&mut value, path, change));
        self.store_global(name, value)?;
        done
    }

    /// What a variable that there is not becomes: the value, or what an operator makes of it and of
    /// its identity.
    fn first_value(&mut self, name: Sym, path: &[K], change: &Change<'_>) -> Result {
        let unknown = || QError::new(name.as_str());
        if !path.is_empty() {
            return Err(unknown());
        }
        if change.replaces() {
            return Ok(change.value.clone().unwrap_or_default());
        }
        let (Some(f), Some(y)) = (change.through, &change.value) else { return Err(unknown()) };
        let identity = match Fun::verb(f).map_or("", |v| v.name) {
            "+" | "-" => K::long(0),
            "*" | "%" => K::long(1),
            "&" => K::long(i64::MAX),
            "|" => K::long(-i64::MAX),
            "," => K::list(Vec::new()),
            _ => return Err(unknown()),
        };
        self.call2(f, identity, y.clone())
    }

    /// Changes variables of a namespace, all of which `inside` has.
    fn amend_namespace(
        &mut self,
        space: Sym,
        mut inside: K,
        path: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        let [first, rest @ ..] = path else {
            // All of it at once: a dictionary of the variables.
            let before = inside.clone();
            self.amend(&mut inside, path, change)?;
            return self.store_entries(space, &before, &inside);
        };
        if let Some(key) = first.as_sym() {
            // Who changes it where it is must be its only owner.
            drop(inside);
            return self.amend_variable(variable_in(space, key), rest, change);
        }
        let names = match first {
            K::Null => inside.clone(),
            _ => first.clone(),
        };
        let names = match &names {
            K::Dict(d) => d.keys.as_syms(),
            names => names.as_syms(),
        };
        let names: Vec<Sym> = names.ok_or_else(type_error)?.to_vec();
        change.fits(names.len())?;
        // The entry without a name is no variable.
        let keys = || (0..).zip(&names).filter(|(_, key)| !key.is_null());
        let names = keys().map(|(_, key)| variable_in(space, *key));
        let before: Vec<(Sym, Option<K>)> =
            names.map(|name| (name, self.globals.get(&name).cloned())).collect();
        for (n, key) in keys() {
            let done = self.amend_variable(variable_in(space, *key), rest, change.item(n));
            if done.is_err() {
                before.into_iter().for_each(|(name, value)| self.put_back(name, value));
                return done;
            }
        }
        Ok(())
    }

    fn put_back(&mut self, name: Sym, value: Option<K>) {
        match value {
            Some(value) => self.globals.insert(name, value),
            None => self.globals.remove(&name),
        };
        self.views.assigned(name);
    }

    /// Stores those entries of a namespace that a change has made other than they were.
    fn store_entries(&mut self, space: Sym, before: &K, after: &K) -> Result<()> {
        let K::Dict(d) = after else { return Err(type_error()) };
        let names = d.keys.as_syms().ok_or_else(type_error)?;
        for (n, key) in (0..).zip(names).filter(|(_, key)| !key.is_null()) {
            let (old, new) = (super::at(before, &K::sym(*key))?, d.values.at(n));
            if !self.matches(&old, &new)? {
                self.store_global(variable_in(space, *key), new)?;
            }
        }
        Ok(())
    }
}

/// The name of a variable of a namespace.
fn variable_in(space: Sym, key: Sym) -> Sym {
    if space.as_str() == "." { key } else { Sym::new(&format!("{space}.{key}")) }
}
