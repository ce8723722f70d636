//! Variables in paths: `/v1/{who}/things`.

use percent_encoding::percent_decode_str;

/// Names and values of the variables of `pattern` in a path as it was requested. The request may
/// have more in front (the name of a pipeline), so that paths are compared from their ends.
pub(crate) fn variables(pattern: &str, path: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut actual = path.trim_end_matches('/').rsplit('/');
    for part in pattern.trim_end_matches('/').rsplit('/') {
        let Some(segment) = actual.next() else { break };
        let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) else { continue };
        // `{name:regexp}` limits what matches; the front end has seen to that.
        let name = name.split(':').next().unwrap_or(name);
        let value = percent_decode_str(segment).decode_utf8_lossy().into_owned();
        found.push((name.to_owned(), value));
    }
    found.reverse();
    found
}

/// Whether a whole path fits a pattern.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut actual = path.trim_end_matches('/').split('/');
    let mut wanted = pattern.trim_end_matches('/').split('/');
    loop {
        match (wanted.next(), actual.next()) {
            (None, None) => return true,
            (Some(wanted), Some(actual)) => {
                let variable = wanted.starts_with('{') && wanted.ends_with('}');
                let decoded = percent_decode_str(actual).decode_utf8_lossy();
                if (actual.is_empty() || !variable) && wanted != decoded {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_paths() {
        assert!(matches("/post", "/post"));
        assert!(matches("/post", "/post/"));
        assert!(matches("/v1/{who}/things", "/v1/b%20b/things"));
        assert!(matches("/a b", "/a%20b"));
        for path in ["/", "/pos", "/post/x", "/x/post"] {
            assert!(!matches("/post", path), "{path}");
        }
        assert!(!matches("/v1/{who}", "/v1/"));
    }

    #[test]
    fn variables_are_taken_from_the_end() {
        let who = |path| variables("/v1/{who}/things", path);
        assert_eq!(who("/hp/v1/bob/things"), [("who".to_owned(), "bob".to_owned())]);
        assert_eq!(who("/benthos/hp/v1/b%20b/things"), [("who".to_owned(), "b b".to_owned())]);
        let two = variables("/{a}/{b}", "/x/1/2");
        assert_eq!(two, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    }
}
