//! Names of types and constants of a type.

use super::lex::Token;
use crate::ast::{Expr, ExprKind, Literal};
use crate::types::{INT64, Type, UINT64};

/// The type of a name in upper case.
pub(super) fn named(name: &str) -> Option<Type> {
    let int = |bits, signed| Some(Type::Int { bits, signed });
    match name {
        "TINYINT" => int(8, true),
        "SMALLINT" => int(16, true),
        "INT" | "INTEGER" => int(32, true),
        "BIGINT" => int(64, true),
        "UNSIGNED TINYINT" => int(8, false),
        "UNSIGNED SMALLINT" => int(16, false),
        "UNSIGNED INT" | "UNSIGNED INTEGER" => int(32, false),
        "UNSIGNED BIGINT" => int(64, false),
        "REAL" => Some(Type::Float { bits: 32 }),
        "DOUBLE PRECISION" => Some(Type::Float { bits: 64 }),
        "CHARACTER" => Some(Type::Char),
        "VARCHAR" | "CHAR VARYING" | "CHARACTER VARYING" => Some(Type::Text),
        "FLOAT" | "DOUBLE" | "TEXT" => None,
        other => Type::named(other),
    }
}

/// The constant of a type that a literal is.
///
/// # Errors
/// The literal as text, when the type does not have it.
pub(super) fn constant(ty: Type, negative: bool, literal: &Token) -> Result<ExprKind, String> {
    let sign = if negative { "-" } else { "" };
    match (ty, literal) {
        (Type::Int { bits, signed }, Token::Int(value)) => {
            let room = (u64::MAX >> (64 - bits)) >> u32::from(signed);
            let most = if negative { if signed { room + 1 } else { 0 } } else { room };
            if *value > most {
                return Err(format!("{sign}{value}"));
            }
            let plain = ExprKind::Literal(Literal::Int(*value, if negative { UINT64 } else { ty }));
            Ok(if negative { negated(ty, INT64, plain) } else { plain })
        }
        (Type::Float { bits }, Token::Int(_) | Token::Float(_)) => {
            let value = match literal {
                Token::Int(value) => *value as f64,
                Token::Float(value) => *value,
                _ => 0.0,
            };
            let value = if negative { -value } else { value };
            Ok(ExprKind::Literal(Literal::Float(value, bits == 32)))
        }
        (Type::Text, Token::Text(text)) if !negative => {
            Ok(ExprKind::Literal(Literal::Text(text.clone())))
        }
        (Type::Char, Token::Text(text)) if !negative => match text.as_bytes() {
            [code] => Ok(ExprKind::Literal(Literal::Char(*code))),
            _ => Err(format!("'{text}'")),
        },
        (Type::Boolean, Token::Int(value @ 0..=1)) if !negative => {
            Ok(ExprKind::Literal(Literal::Bool(*value == 1)))
        }
        (_, Token::Int(value)) => Err(format!("{sign}{value}")),
        (_, Token::Float(value)) => Err(format!("{sign}{value}")),
        (_, Token::Text(text)) => Err(format!("{sign}'{text}'")),
        _ => Err("this".to_owned()),
    }
}

/// A negative constant: the positive one with the sign in front, as the type it is to have.
fn negated(ty: Type, wide: Type, plain: ExprKind) -> ExprKind {
    let span = plan::Span::default();
    let boxed = |kind, depth| Box::new(Expr { kind, span, depth });
    let plain = ExprKind::Cast(wide, boxed(plain, 1));
    ExprKind::Cast(ty, boxed(ExprKind::Unary("-", boxed(plain, 2)), 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_both_worlds() {
        assert_eq!(named("UNSIGNED BIGINT"), Some(UINT64));
        assert_eq!(named("INT64"), named("BIGINT"));
        assert_eq!(named("VARSIZED"), Some(Type::Text));
        assert_eq!(named("TEXT"), None);
        assert_eq!(named("INT128"), None);
    }

    #[test]
    fn constants_must_fit_their_types() {
        let int = |bits, signed| Type::Int { bits, signed };
        let fits = |ty, negative, value: u64| constant(ty, negative, &Token::Int(value)).is_ok();
        assert!(fits(int(8, true), true, 128) && !fits(int(8, true), true, 129));
        assert!(fits(int(8, true), false, 127) && !fits(int(8, true), false, 128));
        assert!(fits(int(8, false), false, 255) && !fits(int(8, false), false, 256));
        assert!(fits(int(64, false), false, u64::MAX) && !fits(int(64, false), true, 1));
        assert!(fits(int(64, true), true, 1 << 63) && !fits(int(64, true), false, 1 << 63));
        assert_eq!(constant(INT64, false, &Token::Float(1.5)), Err("1.5".into()));
        assert_eq!(constant(Type::Char, false, &Token::Text("ab".into())), Err("'ab'".into()));
        assert!(constant(Type::Boolean, false, &Token::Int(2)).is_err());
    }
}
