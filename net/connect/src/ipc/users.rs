//! Who is let in: names and their passwords.

use std::collections::HashMap;

use plan::Secret;

/// Most users.
pub const USERS_MAX: usize = 10_000;

/// Users and their passwords.
#[derive(Clone, Debug, Default)]
pub struct Users(HashMap<Vec<u8>, Secret<String>>);

impl Users {
    /// Reads lines of `user:password`. A password may have colons and be empty; empty lines count
    /// for nothing.
    ///
    /// # Errors
    /// The line that is none, without what it says.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut users = HashMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let wrong = |what: &str| format!("line {}: {what}", number + 1);
            let (user, password) =
                line.split_once(':').ok_or_else(|| wrong("expected user:password"))?;
            if user.is_empty() {
                return Err(wrong("a user needs a name"));
            }
            if users.len() >= USERS_MAX {
                return Err(wrong(&format!("there may be {USERS_MAX} users at most")));
            }
            let password = Secret::new(password.to_owned());
            if users.insert(user.as_bytes().to_vec(), password).is_some() {
                return Err(wrong("this user was there before"));
            }
        }
        if users.is_empty() {
            return Err("there is no user in it, so nobody could come in".to_owned());
        }
        Ok(Users(users))
    }

    /// Whether somebody is let in.
    pub(super) fn admit(&self, user: &[u8], password: Option<&[u8]>) -> bool {
        let password = password.unwrap_or_default();
        let known = self.0.get(user);
        // Whoever is unknown waits as long as whoever is known.
        let secret = known.map_or(&b""[..], |secret| secret.expose().as_bytes());
        same(secret, password) && known.is_some()
    }
}

/// Whether two texts are the same; takes the same time however much of them is.
fn same(secret: &[u8], given: &[u8]) -> bool {
    let different = (0..secret.len().max(given.len()))
        .fold(0, |sum, i| sum | (secret.get(i).unwrap_or(&0) ^ given.get(i).unwrap_or(&0)));
    secret.len() == given.len() && different == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_a_line_each_and_a_password() {
        let users = Users::read("bob:p:w\n\neve:\r\n").unwrap();
        assert!(users.admit(b"bob", Some(b"p:w")));
        assert!(users.admit(b"eve", Some(b"")) && users.admit(b"eve", None));
        for (user, password) in [
            (&b"bob"[..], Some(&b"p:W"[..])),
            (b"bob", Some(b"p:w2")),
            (b"bob", Some(b"")),
            (b"bob", None),
            (b"BOB", Some(b"p:w")),
            (b"eve", Some(b"x")),
            (b"", Some(b"")),
            (b"mallory", None),
        ] {
            assert!(!users.admit(user, password), "{user:?} {password:?}");
        }
        assert!(!format!("{users:?}").contains("p:w"), "a password is never shown");
    }

    #[test]
    fn lines_that_are_none_are_named_and_not_shown() {
        for (text, error) in [
            ("a:b\nsecret", "line 2: expected user:password"),
            (":secret", "line 1: a user needs a name"),
            ("a:b\n\na:secret", "line 3: this user was there before"),
            ("\n", "there is no user in it, so nobody could come in"),
        ] {
            assert_eq!(Users::read(text).unwrap_err(), error);
        }
        let lines = |count: usize| (0..count).map(|n| format!("u{n}:p\n")).collect::<String>();
        assert!(Users::read(&lines(USERS_MAX)).is_ok());
        let error = Users::read(&lines(USERS_MAX + 1)).unwrap_err();
        assert!(error.ends_with(&format!("there may be {USERS_MAX} users at most")), "{error}");
    }
}
