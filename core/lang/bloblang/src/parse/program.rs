//! Whole programs: statements, a single query, or an import of another file
//! (spec/bloblang.md §1).

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::ParseError;
use super::cursor::Parser;
use super::error::{Fail, Parsed};
use super::scope::{Options, Scope};
use super::statement::Block;
use crate::program::{Kind, Map, Maps, Program, Statement};

/// Characters that a mapping may have.
pub(crate) const MAPPING_CHARS_MAX: usize = 1 << 20;
/// Characters of a query that an error shows.
const SHORTHAND_CHARS: usize = 12;
/// Files that may import each other in a row.
pub(crate) const IMPORT_DEPTH_MAX: u32 = 64;

/// Parses a program.
pub(crate) fn program(text: &str, options: &Options) -> Result<Program, ParseError> {
    let chars: Vec<char> = text.chars().collect();
    parse(&chars, options, true).map_err(|fail| fail.place(&chars))
}

fn parse(chars: &[char], options: &Options, shorthand: bool) -> Parsed<Program> {
    if chars.len() > MAPPING_CHARS_MAX {
        let text = format!("the mapping is longer than {MAPPING_CHARS_MAX} characters");
        return Err(Fail::fatal(0, text));
    }
    if shorthand && let Some(program) = direct_import(chars, options)? {
        return Ok(program);
    }
    let fail = match Parser::new(chars, Scope::new(options.clone())).executor() {
        Ok(program) => return Ok(program),
        Err(fail) if fail.is_fatal() || !shorthand => return Err(fail),
        Err(fail) => fail,
    };
    let mut single = Parser::new(chars, Scope::new(options.clone()));
    match single.single_query() {
        Ok(program) => Ok(program),
        Err(other) if other.at() > fail.at() => Err(other),
        Err(_) => Err(fail),
    }
}

/// `from "path"` and nothing else.
fn direct_import(chars: &[char], options: &Options) -> Parsed<Option<Program>> {
    let mut p = Parser::new(chars, Scope::new(options.clone()));
    p.blank();
    let path = p.optional(|p| {
        p.term("from")?;
        p.spaces_must()?;
        p.quoted("path")
    })?;
    let Some(path) = path else { return Ok(None) };
    p.blank();
    if !p.at_end() {
        let rest = p.text(p.pos, chars.len());
        let text = format!("unexpected content after single root import: {rest}");
        return Err(Fail::fatal(0, text));
    }
    let import = read_import(&path.to_str_lossy(), options, 0);
    import.map(Some).map_err(|text| Fail::fatal(0, text))
}

/// Reads and parses another file.
fn read_import(path: &str, options: &Options, depth: u32) -> Result<Program, String> {
    if !options.imports {
        return Err("failed to read import: imports are disabled in this context".into());
    }
    if depth >= IMPORT_DEPTH_MAX {
        return Err(format!("files import each other more than {IMPORT_DEPTH_MAX} deep"));
    }
    let full = Path::new(&*options.setup.dir).join(path);
    let bytes = crate::functions::read_file(&*options.setup.services, &full)
        .map_err(|e| format!("failed to read import: {e}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let dir = full.parent().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    let mut inner = options.clone();
    inner.setup.dir = Rc::from(dir);
    inner.import_depth = depth + 1;
    let chars: Vec<char> = text.chars().collect();
    parse(&chars, &inner, false)
        .map_err(|fail| format!("failed to parse import '{path}': {}", fail.place(&chars)))
}

/// Adds the maps of another file.
fn import_into(maps: &mut Maps, path: &str, options: &Options) -> Result<(), String> {
    let imported = read_import(path, options, options.import_depth)?;
    if imported.maps.is_empty() {
        return Err(format!("no maps to import from '{path}'"));
    }
    let mut same: Vec<&str> =
        imported.maps.keys().filter(|name| maps.contains_key(*name)).map(|n| &**n).collect();
    if !same.is_empty() {
        same.sort_unstable();
        return Err(format!("map name collisions from import '{path}': [{}]", same.join(" ")));
    }
    maps.extend(imported.maps);
    Ok(())
}

impl Parser<'_> {
    /// Statements up to the end of the text.
    fn executor(&mut self) -> Parsed<Program> {
        let mut maps = Maps::new();
        let mut statements = Vec::new();
        self.blank();
        loop {
            statements.extend(self.attempt(|p| p.top_level(&mut maps))?);
            self.spaces();
            if self.at_end() {
                break;
            }
            self.line_end()?;
            self.blank();
            if self.at_end() {
                break;
            }
        }
        Ok(self.finish(statements, maps))
    }

    fn finish(&mut self, statements: Vec<Statement>, maps: Maps) -> Program {
        let names = std::mem::take(&mut self.scope.vars);
        Program::new(statements, names, maps, self.tallest)
    }

    /// A statement of the program; imports and maps leave none behind.
    fn top_level(&mut self, maps: &mut Maps) -> Parsed<Option<Statement>> {
        let start = self.pos;
        let import = self.attempt(|p| {
            p.term("import")?;
            p.spaces_must()?;
            p.quoted("filepath").map_err(Fail::must)
        });
        let fail = match import {
            Ok(path) => {
                let options = self.scope.options.clone();
                import_into(maps, &path.to_str_lossy(), &options)
                    .map_err(|text| Fail::fatal(start, text))?;
                return Ok(None);
            }
            Err(fail) if fail.is_fatal() => return Err(fail),
            Err(fail) => fail,
        };
        let fail = match self.attempt(Parser::map) {
            Ok((name, map)) => {
                if maps.contains_key(&name) {
                    return Err(Fail::fatal(start, format!("map name collision: {name}")));
                }
                maps.insert(name, Rc::new(map));
                return Ok(None);
            }
            Err(other) if other.is_fatal() => return Err(other),
            Err(other) => fail.or(other),
        };
        match self.attempt(|p| p.statement(Block::Message)) {
            Ok(statement) => Ok(Some(statement)),
            Err(other) if other.is_fatal() => Err(other),
            Err(other) => Err(fail.or(other)),
        }
    }

    /// `map`
    fn map(&mut self) -> Parsed<(Rc<str>, Map)> {
        self.term("map")?;
        self.spaces_must()?;
        let name = self.label("map name").map_err(Fail::must)?;
        self.spaces_must()?;
        // Variables of the program are not seen in a map, nor the other way round.
        let outer = std::mem::take(&mut self.scope.vars);
        let statements = self.block(Block::Map);
        let names: HashMap<Rc<str>, usize> = std::mem::replace(&mut self.scope.vars, outer);
        Ok((Rc::from(name), Map { statements: statements?, names }))
    }

    /// A query that stands for `root = query`.
    fn single_query(&mut self) -> Parsed<Program> {
        self.blank();
        let start = self.pos;
        let query = self.query()?;
        let end = self.pos;
        self.blank();
        if !self.at_end() {
            let mut shown = self.text(start, end.min(start + SHORTHAND_CHARS));
            if end - start > SHORTHAND_CHARS {
                shown.push_str("...");
            }
            return Err(Fail::expected(
                self.pos,
                format!(
                    "the mapping to end here as the beginning is shorthand for `root = {shown}`, \
                     but this shorthand form cannot be followed with more assignments"
                ),
            ));
        }
        let statement = Statement { line: 1, kind: Kind::Assign { path: Vec::new(), query } };
        Ok(self.finish(vec![statement], Maps::new()))
    }
}
