//! Values of programs and of documents.

use formats::value::{Digits, Object, Text, Value};
use rquickjs::function::This;
use rquickjs::{Array, Coerced, Ctx, Function, IntoJs, Object as JsObject, Value as JsValue};

/// Containers that may be nested in one another on their way into a program and out of it.
pub(super) const DEPTH_MAX: usize = 1_000;
/// Bytes that a value takes besides those of its text.
const VALUE_BYTES: usize = 32;
/// Whole numbers up to here are exact in programs.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Why a function of ours failed: with a text, or with what was thrown within it.
#[derive(Debug)]
pub(super) enum Thrown {
    Text(String),
    Js(rquickjs::Error),
}

impl From<rquickjs::Error> for Thrown {
    fn from(error: rquickjs::Error) -> Self {
        Thrown::Js(error)
    }
}

pub(super) fn text(text: impl Into<String>) -> Thrown {
    Thrown::Text(text.into())
}

/// A value as a program sees it.
///
/// # Errors
/// When it is nested too deeply, or there is no memory for it.
pub(super) fn into_js<'js>(
    ctx: &Ctx<'js>,
    value: &Value,
    depth: usize,
) -> Result<JsValue<'js>, Thrown> {
    let deeper = || depth.checked_sub(1).ok_or_else(|| text("the value is nested too deeply"));
    Ok(match value {
        Value::Null => JsValue::new_null(ctx.clone()),
        Value::Bool(value) => JsValue::new_bool(ctx.clone(), *value),
        Value::Int(n) => JsValue::new_number(ctx.clone(), *n as f64),
        Value::Uint(n) => JsValue::new_number(ctx.clone(), *n as f64),
        Value::Float(x) => JsValue::new_number(ctx.clone(), *x),
        Value::Float32(x) => JsValue::new_number(ctx.clone(), f64::from(*x)),
        Value::Number(digits) => {
            let number = formats::number::json_number_f64(digits.as_bytes());
            JsValue::new_number(ctx.clone(), number.unwrap_or(f64::INFINITY))
        }
        Value::String(value) => value.to_str_lossy().as_ref().into_js(ctx)?,
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).as_ref().into_js(ctx)?,
        Value::Timestamp(at) => {
            let mut out = Vec::new();
            formats::rfc3339::write(&mut out, at);
            String::from_utf8_lossy(&out).as_ref().into_js(ctx)?
        }
        Value::Array(items) => {
            let (array, depth) = (Array::new(ctx.clone())?, deeper()?);
            for (at, item) in items.iter().enumerate() {
                array.set(at, into_js(ctx, item, depth)?)?;
            }
            array.into_value()
        }
        Value::Object(members) => {
            let (object, depth) = (JsObject::new(ctx.clone())?, deeper()?);
            for (name, member) in members.iter() {
                object.set(name.to_str_lossy().as_ref(), into_js(ctx, member, depth)?)?;
            }
            object.into_value()
        }
    })
}

/// A value of a program on its way into a message.
pub(super) struct Taking<'js> {
    ctx: Ctx<'js>,
    /// Bytes that it may take.
    left: usize,
    max: usize,
}

impl<'js> Taking<'js> {
    pub(super) fn new(ctx: Ctx<'js>, max: usize) -> Self {
        Taking { ctx, left: max, max }
    }

    /// Bytes that were taken.
    pub(super) fn bytes(&self) -> usize {
        self.max - self.left
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Thrown> {
        let left = self.left.checked_sub(VALUE_BYTES.saturating_add(bytes));
        self.left = left.ok_or_else(|| text("the message takes more than its limit of memory"))?;
        Ok(())
    }

    /// A text, of whatever it is.
    ///
    /// # Errors
    /// When it has none, or is too long.
    pub(super) fn string(&mut self, value: &JsValue<'js>) -> Result<String, Thrown> {
        let made = value.get::<Coerced<String>>()?.0;
        self.charge(made.len())?;
        Ok(made)
    }

    /// Any value.
    ///
    /// # Errors
    /// When it is nested too deeply or too large, or something within it throws.
    pub(super) fn value(&mut self, value: &JsValue<'js>, depth: usize) -> Result<Value, Thrown> {
        if value.is_string() || value.is_big_int() {
            let made = self.string(value)?;
            let number = value.is_big_int();
            return Ok(if number {
                Value::Number(Digits::from(made.as_str()))
            } else {
                Value::text(made)
            });
        }
        self.charge(0)?;
        if let Some(value) = value.as_bool() {
            return Ok(Value::Bool(value));
        }
        if let Some(x) = value.as_number() {
            return Ok(number(x));
        }
        let deeper = || depth.checked_sub(1).ok_or_else(|| text("the value is nested too deeply"));
        if let Some(array) = value.as_array() {
            let depth = deeper()?;
            // The library's own length is only for lists of fewer than 2^31 items.
            let length: f64 = array.as_object().get("length")?;
            let mut items = Vec::new();
            for at in 0..length as usize {
                items.push(self.value(&array.get::<JsValue<'js>>(at)?, depth)?);
            }
            return Ok(Value::array(items));
        }
        match value.as_object() {
            Some(object) if !value.is_function() => self.object(object, deeper()?),
            _ => Ok(Value::Null),
        }
    }

    fn object(&mut self, object: &JsObject<'js>, depth: usize) -> Result<Value, Thrown> {
        let dates: JsValue<'js> = self.ctx.globals().get("Date")?;
        if object.is_instance_of(&dates) {
            let printed: Function<'js> = object.get("toJSON")?;
            let printed: JsValue<'js> = printed.call((This(object.clone()),))?;
            return self.value(&printed, depth);
        }
        let mut members = Vec::new();
        for member in object.props::<String, JsValue<'js>>() {
            let (name, value) = member?;
            self.charge(name.len())?;
            members.push((Text::from(name), self.value(&value, depth)?));
        }
        Ok(Value::object(Object::from(members)))
    }
}

fn number(x: f64) -> Value {
    let whole = x.trunc() == x && x.abs() <= EXACT_MAX && !(x == 0.0 && x.is_sign_negative());
    if whole { Value::Int(x as i64) } else { Value::Float(x) }
}
