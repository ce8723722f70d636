use std::path::Path;

use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

fn source(config: Json) -> Box<dyn Source> {
    (SPEC.build)(&config, &TestEnv::new()).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_in_order_with_metadata() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.join("2.log"), "x\n\n  y \nlast").unwrap();
        std::fs::write(dir.join("1.log"), "one\r\n").unwrap();
        std::fs::write(dir.join("3.log"), "").unwrap();
        std::fs::write(dir.join("4.txt"), "no").unwrap();
        let pattern = text(&dir.join("*.log"));
        let fake = Fake::new();
        source(json!({"paths": [pattern]})).run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), ["one", "x", "", "  y ", "last"]);
        let (one, two) = (text(&dir.join("1.log")), text(&dir.join("2.log")));
        assert_eq!(fake.meta("path"), [one, two.clone(), two.clone(), two.clone(), two]);
        let unix: i64 = fake.meta("mod_time_unix")[0].parse().unwrap();
        assert!(unix > 1_700_000_000);
        assert!(fake.meta("mod_time")[0].ends_with('Z'));
        assert_eq!(fake.meta("mod_time")[0].len(), "2026-01-01T00:00:00Z".len());
    });
}

#[test]
fn a_path_may_be_a_name_whatever_is_in_it() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.join("g1.log"), "pattern\n").unwrap();
        let name = dir.join("g[1].log");
        let config = json!({"paths": [text(&name)], "literal": true});
        let missing = source(config.clone()).run(Fake::new()).await;
        assert!(matches!(missing, Err(SourceError::Retry(_))), "it is waited for: {missing:?}");
        std::fs::write(&name, "name\n").unwrap();
        for (config, expected) in [(config, "name"), (json!({"paths": [text(&name)]}), "pattern")] {
            let fake = Fake::new();
            source(config).run(fake.clone()).await.unwrap();
            assert_eq!(fake.texts(), [expected]);
        }
    });
}

#[test]
fn large_files_are_cut_at_line_borders() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("big");
        let lines: Vec<String> =
            (0..200_000).map(|i| format!("line {i} {}", "x".repeat(i % 40))).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let fake = Fake::new();
        source(json!({"paths": [text(&path)]})).run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), lines);
        assert!(fake.seen.borrow().len() > 3, "it is read in blocks");
        let mut offset = 0;
        for seen in fake.seen.borrow().iter() {
            let plan::Data::Raw(raw) = &seen.data else { panic!("raw blocks") };
            assert_eq!(raw.offset, offset);
            offset += raw.bytes.len() as u64;
        }
    });
}

#[test]
fn a_missing_file_is_tried_again() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let (first, late) = (dir.join("first"), dir.join("late"));
        std::fs::write(&first, "a\n").unwrap();
        let mut source = source(json!({"paths": [text(&first), text(&late)]}));
        let fake = Fake::new();
        let wanted = format!("open {}: no such file or directory", text(&late));
        for _ in 0..2 {
            let result = source.run(fake.clone()).await;
            assert_eq!(result, Err(SourceError::Retry(wanted.clone())));
        }
        std::fs::write(&late, "b\n").unwrap();
        source.run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), ["a", "b"], "what was read is not read again");
    });
}

#[test]
fn a_missing_file_is_tried_so_often_and_a_directory_never() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let (first, late) = (dir.join("first"), dir.join("late"));
        std::fs::write(&first, "a\n").unwrap();
        let config = json!({"paths": [text(&first), text(&late)], "retries": 2});
        let wanted = format!("open {}: no such file or directory", text(&late));
        let mut missing = source(config.clone());
        for _ in 0..2 {
            let result = missing.run(Fake::new()).await;
            assert_eq!(result, Err(SourceError::Retry(wanted.clone())));
        }
        assert_eq!(missing.run(Fake::new()).await, Err(SourceError::Fatal(wanted.clone())));
        let (mut comes, fake) = (source(config), Fake::new());
        for _ in 0..2 {
            assert_eq!(comes.run(fake.clone()).await, Err(SourceError::Retry(wanted.clone())));
        }
        std::fs::write(&late, "b\n").unwrap();
        comes.run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), ["a", "b"]);
        let mut folder = source(json!({"paths": [text(dir.path())], "retries": 2}));
        let wanted = format!("failed to read file: read {}: is a directory", text(dir.path()));
        assert_eq!(folder.run(Fake::new()).await, Err(SourceError::Fatal(wanted)));
    });
}

#[test]
fn a_long_line_ends_its_file_only() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let (bad, good) = (dir.join("bad"), dir.join("good"));
        std::fs::write(&bad, format!("short\n{}\nafter\n", "L".repeat(100_000))).unwrap();
        std::fs::write(&good, "next\n").unwrap();
        let fake = Fake::new();
        source(json!({"paths": [text(&bad), text(&good)]})).run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), ["short", "next"]);
        let wanted = format!("failed to read file {}: bufio.Scanner: token too long", text(&bad));
        assert_eq!(fake.errors(), [wanted]);
    });
}

#[test]
fn a_directory_is_an_error_of_its_own() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let fake = Fake::new();
        source(json!({"paths": [text(dir.path())]})).run(fake.clone()).await.unwrap();
        assert!(fake.errors()[0].ends_with("is a directory"), "{:?}", fake.errors());
    });
}

#[test]
fn a_file_is_deleted_only_after_delivery() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("f");
        std::fs::write(&path, "a\n").unwrap();
        let config = json!({"paths": [text(&path)], "delete_on_finish": true});
        let failing = Fake::judging(|_| plan::Outcome {
            failures: vec![(None, Arc::new(plan::Fault::new("no")))],
            ..plan::Outcome::default()
        });
        source(config.clone()).run(failing).await.unwrap();
        assert!(path.exists());
        source(config).run(Fake::new()).await.unwrap();
        assert!(!path.exists());
    });
}

#[test]
fn a_stop_ends_reading_of_a_silent_fifo() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let fake = Fake::new();
        let stopper = fake.clone();
        rt::spawn(async move {
            rt::sleep(std::time::Duration::from_millis(50)).await;
            stopper.stop();
        });
        let result = source(json!({"paths": [text(&path)]})).run(fake).await;
        assert_eq!(result, Err(SourceError::Stopped));
    });
}

#[test]
fn bad_scanners_are_refused() {
    let error = |config| (SPEC.build)(&config, &TestEnv::new()).err().map(|e| e.text);
    let nope = error(json!({"paths": [], "scanner": {"name": "nope"}}));
    assert_eq!(nope.as_deref(), Some("there is no scanner 'nope'"));
    let codec = error(json!({"paths": [], "codec": "nope"}));
    assert_eq!(codec.as_deref(), Some("codec was not recognised: nope"));
}

#[test]
fn blocks_are_as_large_as_wanted_and_begin_at_the_offset() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("numbers");
        let lines: Vec<String> = (0..100).map(|i| format!("line {i:03}")).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let fake = Fake::new();
        let config = json!({"paths": [text(&path)], "block": 90, "offset": 9});
        source(config).run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), lines[1..]);
        assert!(fake.sizes().iter().all(|lines| *lines <= 10), "{:?}", fake.sizes());
    });
}

#[test]
fn files_that_appear_later_are_read_until_a_stop() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.join("1"), "one").unwrap();
        let fake = Fake::new();
        let mut source = source(json!({"paths": [text(dir.path())], "watch": true}));
        let running = {
            let fake = fake.clone();
            rt::spawn(async move { source.run(fake).await })
        };
        let seen = async |count: usize| {
            while fake.texts().len() < count {
                rt::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        seen(1).await;
        std::fs::write(dir.join("2"), "two").unwrap();
        seen(2).await;
        assert_eq!(fake.texts(), ["one", "two"]);
        fake.stop();
        assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
    });
}

#[test]
fn a_watched_file_that_cannot_be_opened_holds_up_no_other_and_is_tried_again() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        // A link to nothing: what even the superuser cannot open. It is in front of the other one.
        std::os::unix::fs::symlink(dir.join("later/1"), dir.join("1")).unwrap();
        std::fs::write(dir.join("2"), "two").unwrap();
        let fake = Fake::new();
        let mut source = source(json!({"paths": [text(dir.path())], "watch": true}));
        let running = {
            let fake = fake.clone();
            rt::spawn(async move { source.run(fake).await })
        };
        let seen = async |wanted: &[&str]| {
            while fake.texts() != wanted {
                rt::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        seen(&["two"]).await;
        let link = text(&dir.join("1"));
        let error = format!("failed to read file: open {link}: no such file or directory");
        assert_eq!(fake.errors()[0], error);
        std::fs::create_dir(dir.join("later")).unwrap();
        std::fs::write(dir.join("later/1"), "one").unwrap();
        seen(&["two", "one"]).await;
        fake.stop();
        assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
    });
}

#[test]
fn a_strict_source_fails_on_what_is_no_file_or_cannot_be_read_to_its_end() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let long = dir.join("long");
        std::fs::write(&long, format!("short\n{}\nafter\n", "L".repeat(100_000))).unwrap();
        for (path, why) in [(dir.path(), "is a directory"), (&long, "token too long")] {
            let fake = Fake::new();
            let config = json!({"paths": [text(path)], "strict": true});
            let failed = source(config).run(fake.clone()).await;
            let Err(SourceError::Fatal(said)) = failed else { panic!("{failed:?}") };
            assert!(said.contains(&text(path)) && said.ends_with(why), "{said}");
        }
    });
}
