//! References between schemas: addresses that are relative to each other, as Go's `net/url` has
//! them.

use std::fmt;

use crate::url::{Part, Url, unescape};

/// An address in its parts, as they were written. What names nothing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reference {
    scheme: String,
    /// What stands behind `//`, where that is there.
    authority: Option<String>,
    path: String,
    query: Option<String>,
    fragment: String,
}

impl Reference {
    /// Takes an address apart.
    ///
    /// # Errors
    /// It is no URL.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let known = Url::parse(text.as_bytes())?;
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let behind_scheme = before.get(known.scheme.len() + 1..).filter(|_| {
            !known.scheme.is_empty() // and the colon
        });
        let (rest, query) = match behind_scheme.unwrap_or(before).split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (behind_scheme.unwrap_or(before).split('?').next().unwrap_or_default(), None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(behind) if known.opaque.is_empty() => {
                let at = behind.find('/').unwrap_or(behind.len());
                let (authority, path) = behind.split_at(at);
                (Some(authority.to_owned()), path)
            }
            _ => (None, rest),
        };
        Ok(Reference {
            scheme: String::from_utf8_lossy(&known.scheme).into_owned(),
            authority,
            path: path.to_owned(),
            query,
            fragment: fragment.to_owned(),
        })
    }

    /// What another address means to whoever stands at this one.
    pub(super) fn lead(&self, other: &Reference) -> Reference {
        let fragment = other.fragment.clone();
        if !other.scheme.is_empty() || other.authority.is_some() {
            let scheme = if other.scheme.is_empty() { &self.scheme } else { &other.scheme };
            let path = merged("", &other.path);
            return Reference { scheme: scheme.clone(), path, ..other.clone() };
        }
        let query = match other.path.is_empty() && other.query.is_none() {
            true => self.query.clone(),
            false => other.query.clone(),
        };
        let path = merged(&self.path, &other.path);
        let (scheme, authority) = (self.scheme.clone(), self.authority.clone());
        Reference { scheme, authority, path, query, fragment }
    }

    /// The whole document that it leads into.
    pub(super) fn document(&self) -> Reference {
        Reference { fragment: String::new(), ..self.clone() }
    }

    /// Whether it says all that is needed to fetch something.
    pub(super) fn is_canonical(&self) -> bool {
        let host = self.authority.as_deref().is_some_and(|host| !host.is_empty());
        match self.scheme.as_str() {
            "file" => self.path.starts_with('/'),
            scheme => !scheme.is_empty() && host,
        }
    }

    /// The path of a file, where it is one.
    ///
    /// # Errors
    /// It is no text.
    pub(super) fn file(&self) -> Result<Option<String>, String> {
        if self.scheme != "file" {
            return Ok(None);
        }
        let text = self.document().to_string();
        let path = text.strip_prefix("file://").unwrap_or(&text);
        let path = unescape(path.as_bytes(), Part::Query)?;
        Ok(Some(String::from_utf8_lossy(&path).into_owned()))
    }

    /// The names on the way from the document to a part of it.
    pub(super) fn pointer(&self) -> Vec<String> {
        let fragment = unescape(self.fragment.as_bytes(), Part::Fragment).unwrap_or_default();
        let fragment = String::from_utf8_lossy(&fragment).into_owned();
        match fragment.strip_prefix('/') {
            Some(names) => names.split('/').map(str::to_owned).collect(),
            // What is no way is the whole document.
            None => Vec::new(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if let Some(authority) = &self.authority {
            write!(f, "//{authority}")?;
        }
        f.write_str(&self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if self.fragment.is_empty() { Ok(()) } else { write!(f, "#{}", self.fragment) }
    }
}

/// A path as seen from another, without dots; it begins at the root unless there is none.
fn merged(base: &str, path: &str) -> String {
    let full = match path {
        "" => base.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => {
            let folder = base.rfind('/').map_or("", |at| base.get(..=at).unwrap_or_default());
            format!("{folder}{path}")
        }
    };
    if full.is_empty() {
        return full;
    }
    let mut parts: Vec<&str> = Vec::new();
    let last = full.rsplit('/').next().unwrap_or_default();
    for part in full.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let folder = matches!(last, "." | "..") && !parts.is_empty();
    format!("/{}{}", parts.join("/"), if folder { "/" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_others() {
        for (base, other, expected) in [
            ("", "#/a", "#/a"),
            ("", "b.json", "/b.json"),
            ("file:///x/a.json", "b.json#/c", "file:///x/b.json#/c"),
            ("file:///x/a.json", "../y/./b.json", "file:///y/b.json"),
            ("file://x/a.json", "b.json", "file://x/b.json"),
            ("file://./a.json", "d/b.json", "file://./d/b.json"),
            ("file:///x/a.json#/c", "#/d", "file:///x/a.json#/d"),
            ("http://h/x/a.json?q", "#d", "http://h/x/a.json?q#d"),
            ("http://h/x/a.json?q", "b", "http://h/x/b"),
            ("http://h/x/a.json", "http://other", "http://other"),
            ("http://h/x/a.json", "//other/b", "http://other/b"),
            ("http://h/x/a.json", "/b/../c", "http://h/c"),
            ("file:///x/a.json", "", "file:///x/a.json"),
        ] {
            let [base, other] = [base, other].map(|text| Reference::parse(text).unwrap());
            assert_eq!(base.lead(&other).to_string(), expected);
        }
    }

    #[test]
    fn files_and_ways_are_told() {
        let parse = |text| Reference::parse(text).unwrap();
        let file = |text| parse(text).file().unwrap();
        assert_eq!(file("file:///a%20b/c+d.json#/x"), Some("/a b/c d.json".to_owned()));
        assert_eq!(file("file://./a.json"), Some("./a.json".to_owned()));
        assert_eq!(file("http://h/a.json"), None);
        assert_eq!(parse("#/a~1b/%7e0/2").pointer(), ["a~1b", "~0", "2"]);
        assert!(parse("#name").pointer().is_empty());
        let canonical = |text| parse(text).is_canonical();
        assert!(canonical("file:///a") && canonical("file://a/b") && canonical("http://h"));
        assert!(!canonical("file://a") && !canonical("/a") && !canonical("http:///a"));
        assert!(Reference::parse("%zz").is_err());
    }
}
