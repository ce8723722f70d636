//! What programs can call: `benthos` and `console`.

use std::rc::Rc;
use std::sync::Arc;

use formats::value::Value;
use plan::Log;
use plan::batch::print_payload;
use rquickjs::function::Rest;
use rquickjs::{Ctx, Function, IntoJs, Object, Value as JsValue};

use super::convert::{DEPTH_MAX, Taking, Thrown, into_js, text};
use super::engine::Host;
use super::message::Content;

/// A function of ours with the values that it is called with.
type Call = for<'js> fn(&Host, &Ctx<'js>, &[JsValue<'js>]) -> Result<JsValue<'js>, Thrown>;

/// The members of `benthos`: a name, how many values it takes, and what it does.
const FUNCTIONS: &[(&str, usize, Call)] = &[
    ("v0_fetch", 4, fetch),
    ("v0_msg_as_string", 0, as_string),
    ("v0_msg_as_structured", 0, as_structured),
    ("v0_msg_exists_meta", 1, exists_meta),
    ("v0_msg_get_meta", 1, get_meta),
    ("v0_msg_set_meta", 2, set_meta),
    ("v0_msg_set_string", 1, set_string),
    ("v0_msg_set_structured", 1, set_structured),
];

/// The members of `console`, and the level of what they write.
const LEVELS: &[(&str, Log)] = &[
    ("debug", Log::Info),
    ("error", Log::Error),
    ("info", Log::Info),
    ("log", Log::Info),
    ("warn", Log::Warn),
];

/// Makes `benthos` and `console` known.
///
/// # Errors
/// When there is no memory for them.
pub(super) fn install<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> rquickjs::Result<()> {
    let benthos = Object::new(ctx.clone())?;
    for (name, count, call) in FUNCTIONS {
        benthos.set(*name, function(ctx, Rc::clone(host), *count, *call)?)?;
    }
    ctx.globals().set("benthos", benthos)?;
    let console = Object::new(ctx.clone())?;
    for (name, level) in LEVELS {
        let host = Rc::clone(host);
        let write = Function::new(ctx.clone(), move |args: Rest<JsValue<'js>>| {
            let line = line(&args.0)?;
            host.message.borrow_mut().say(*level, line);
            Ok::<_, rquickjs::Error>(())
        });
        console.set(*name, write?)?;
    }
    ctx.globals().set("console", console)
}

fn function<'js>(
    ctx: &Ctx<'js>,
    host: Rc<Host>,
    count: usize,
    call: Call,
) -> rquickjs::Result<Function<'js>> {
    Function::new(ctx.clone(), move |ctx: Ctx<'js>, args: Rest<JsValue<'js>>| {
        let given = args.0.len();
        let undefined = args.0.iter().take(count).position(JsValue::is_undefined);
        let done = match undefined {
            _ if given > count && count > 0 => Err(text(format!(
                "have {given} arguments, but only {count} pointers to parse into"
            ))),
            Some(at) => Err(text(format!("argument at position {at} is undefined"))),
            None => call(&host, &ctx, &args.0),
        };
        done.map_err(|thrown| throw(&ctx, thrown))
    })
}

/// Throws a text, as functions of the original do, or passes on what was thrown.
pub(super) fn throw(ctx: &Ctx<'_>, thrown: Thrown) -> rquickjs::Error {
    match thrown {
        Thrown::Js(error) => error,
        Thrown::Text(text) => match text.as_str().into_js(ctx) {
            Ok(value) => ctx.throw(value),
            Err(error) => error,
        },
    }
}

/// What a call of the console writes: the first text may have places for the others.
fn line(args: &[JsValue<'_>]) -> rquickjs::Result<String> {
    let mut texts = Vec::with_capacity(args.len());
    for arg in args {
        texts.push(arg.get::<rquickjs::Coerced<String>>()?.0);
    }
    let mut rest = texts.into_iter();
    let form = rest.next().unwrap_or_default();
    let mut out = String::with_capacity(form.len());
    let mut chars = form.chars();
    while let Some(c) = chars.next() {
        let place = (c == '%').then(|| chars.clone().next()).flatten();
        match place {
            Some('%') => {
                out.push('%');
                chars.next();
            }
            Some(kind @ ('s' | 'd' | 'j')) => {
                chars.next();
                match rest.next() {
                    Some(text) => out.push_str(&text),
                    None => out.extend(['%', kind]),
                }
            }
            _ => out.push(c),
        }
    }
    for text in rest {
        out.push(' ');
        out.push_str(&text);
    }
    Ok(out)
}

fn nothing<'js>(ctx: &Ctx<'js>) -> JsValue<'js> {
    JsValue::new_null(ctx.clone())
}

/// A text among the values of a call; empty where there is none.
fn string<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
    at: usize,
) -> Result<String, Thrown> {
    let Some(value) = args.get(at) else { return Ok(String::new()) };
    Taking::new(ctx.clone(), host.room()).string(value)
}

fn as_string<'js>(host: &Host, ctx: &Ctx<'js>, _: &[JsValue<'js>]) -> Result<JsValue<'js>, Thrown> {
    Ok(host.message.borrow().text().into_js(ctx)?)
}

fn as_structured<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    _: &[JsValue<'js>],
) -> Result<JsValue<'js>, Thrown> {
    let value = host.message.borrow().document().map_err(text)?;
    into_js(ctx, &value, DEPTH_MAX)
}

fn set_string<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
) -> Result<JsValue<'js>, Thrown> {
    let content = string(host, ctx, args, 0)?.into_bytes();
    let bytes = content.len();
    host.message.borrow_mut().set_content(Content::Owned(Arc::new(content)), bytes);
    Ok(nothing(ctx))
}

/// The value at a place among those of a call, and the bytes that it takes.
fn taken<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
    at: usize,
) -> Result<(Value, usize), Thrown> {
    let mut taking = Taking::new(ctx.clone(), host.room());
    let value = match args.get(at) {
        Some(value) => taking.value(value, DEPTH_MAX)?,
        None => Value::Null,
    };
    Ok((value, taking.bytes()))
}

fn set_structured<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
) -> Result<JsValue<'js>, Thrown> {
    let (value, bytes) = taken(host, ctx, args, 0)?;
    host.message.borrow_mut().set_content(Content::Doc(Arc::new(value)), bytes);
    Ok(nothing(ctx))
}

fn exists_meta<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
) -> Result<JsValue<'js>, Thrown> {
    let name = string(host, ctx, args, 0)?;
    let message = host.message.borrow();
    let found = message.meta.as_ref().is_some_and(|meta| meta.get(&name).is_some());
    Ok(JsValue::new_bool(ctx.clone(), found))
}

fn get_meta<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
) -> Result<JsValue<'js>, Thrown> {
    let name = string(host, ctx, args, 0)?;
    let message = host.message.borrow();
    let value = message.meta.as_ref().and_then(|meta| meta.get(&name));
    let mut printed = Vec::new();
    print_payload(value.ok_or_else(|| text("key not found"))?, &mut printed);
    Ok(String::from_utf8_lossy(&printed).as_ref().into_js(ctx)?)
}

fn set_meta<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    args: &[JsValue<'js>],
) -> Result<JsValue<'js>, Thrown> {
    let name = string(host, ctx, args, 0)?;
    let (value, bytes) = taken(host, ctx, args, 1)?;
    host.message.borrow_mut().set_meta(name, value, bytes);
    Ok(nothing(ctx))
}

fn fetch<'js>(host: &Host, ctx: &Ctx<'js>, args: &[JsValue<'js>]) -> Result<JsValue<'js>, Thrown> {
    let url = string(host, ctx, args, 0)?;
    let headers = match args.get(1) {
        None => Vec::new(),
        Some(value) => {
            let plain = value.as_object().filter(|_| !value.is_array() && !value.is_function());
            let object = plain.ok_or_else(|| text("value is not of type map"))?;
            let mut headers = Vec::new();
            for member in object.props::<String, JsValue<'js>>() {
                let (name, value) = member?;
                // As the original, which sends what is no text as an empty one.
                let value = if value.is_string() { value.get::<String>()? } else { String::new() };
                headers.push((name, value));
            }
            headers
        }
    };
    let method = if args.len() > 2 { string(host, ctx, args, 2)? } else { "GET".to_owned() };
    let body = string(host, ctx, args, 3)?;
    let left = host.deadline.get().saturating_duration_since(std::time::Instant::now());
    let answer = host.fetcher.fetch(&url, &headers, &method, body, left).map_err(text)?;
    let object = Object::new(ctx.clone())?;
    object.set("status", answer.0)?;
    object.set("body", String::from_utf8_lossy(&answer.1).as_ref())?;
    Ok(object.into_value())
}
