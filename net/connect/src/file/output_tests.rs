use bytes::Bytes;
use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{TestEnv, batch, both_modes};

fn sink(path: &str, codec: &str, mode: &str) -> Box<dyn Sink> {
    let config = TestEnv::code(json!({"path": path, "codec": codec, "mode": mode}), "path");
    (SPEC.build)(&config, &TestEnv::new()).unwrap()
}

fn at(dir: &TempDir, name: &str) -> String {
    dir.join(name).to_str().unwrap().to_owned()
}

#[test]
fn lines_are_appended() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = at(&dir, "deep/er/out");
        for _ in 0..2 {
            let sink = sink(&path, "lines", "append");
            sink.open().await.unwrap();
            sink.write(&batch(&["a", "b\n"])).await.unwrap();
            sink.close().await.unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\na\nb\n");
    });
}

#[test]
fn overwriting_empties_once() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = at(&dir, "out");
        std::fs::write(&path, "old").unwrap();
        let sink = sink(&path, "lines", "overwrite");
        sink.open().await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        sink.write(&batch(&["a"])).await.unwrap();
        sink.open().await.unwrap();
        sink.write(&batch(&["b"])).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
    });
}

#[test]
fn an_empty_file_begins_with_its_head() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = at(&dir, "out");
        for (mode, whole) in [("overwrite", "h\na\n"), ("append", "h\na\na\n")] {
            let config = json!({"path": path, "codec": "lines", "mode": mode, "head": "h\n"});
            let sink = (SPEC.build)(&TestEnv::code(config, "path"), &TestEnv::new()).unwrap();
            sink.open().await.unwrap();
            let head = std::fs::read_to_string(&path).unwrap();
            assert!(head.starts_with("h\n") && !head[2..].contains('h'), "{head}");
            sink.write(&batch(&["a"])).await.unwrap();
            sink.close().await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        }
    });
}

#[test]
fn a_file_for_each_message() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let sink = sink(&at(&dir, "o-[content].json"), "all-bytes", "append");
        sink.write(&batch(&["1", "2"])).await.unwrap();
        sink.write(&batch(&["2"])).await.unwrap();
        assert_eq!(std::fs::read_to_string(dir.join("o-1.json")).unwrap(), "1");
        assert_eq!(std::fs::read_to_string(dir.join("o-2.json")).unwrap(), "2");
    });
}

#[test]
fn paths_from_messages_and_a_bounded_number_of_handles() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let sink = sink(&at(&dir, "[content]/f.txt"), "lines", "append");
        let names: Vec<String> = (0..3 * HANDLES_MAX).map(|i| (i % 100).to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for part in names.chunks(10) {
            sink.write(&batch(part)).await.unwrap();
        }
        let first = std::fs::read_to_string(dir.join("0/f.txt")).unwrap();
        assert_eq!(first, "0\n0\n");
        let open: std::collections::HashSet<_> = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
            .filter(|target| target.starts_with(dir.path()))
            .collect();
        let open = open.len();
        assert!(open <= HANDLES_MAX, "{open} files are open");
    });
}

#[test]
fn a_path_that_fails_fails_its_message() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let sink = sink(&at(&dir, "[fail]"), "lines", "append");
        match sink.write(&batch(&["a"])).await {
            Err(SinkError::Some(failed)) => {
                assert_eq!(failed[0].1.text, "path interpolation error: toy failed");
            }
            other => panic!("{other:?}"),
        }
    });
}

fn text_of(result: Result<(), SinkError>) -> String {
    match result {
        Err(SinkError::All(fault)) => fault.text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn unwritable_places_are_named() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.join("file"), "").unwrap();
        let path = at(&dir, "file/below");
        let text = text_of(sink(&path, "lines", "append").write(&batch(&["a"])).await);
        assert_eq!(text, format!("mkdir {}: not a directory", at(&dir, "file")));
        let path = dir.path().to_str().unwrap();
        let text = text_of(sink(path, "lines", "append").write(&batch(&["a"])).await);
        assert_eq!(text, format!("open {path}: is a directory"));
    });
}

#[test]
fn a_full_disk_is_named_and_tried_again() {
    both_modes(|| async {
        let sink = sink("/dev/full", "lines", "append");
        for _ in 0..2 {
            let text = text_of(sink.write(&batch(&["a"])).await);
            assert_eq!(text, "write /dev/full: no space left on device");
        }
    });
}

#[test]
fn a_fifo_without_a_reader_blocks_only_its_own_write() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("fifo");
        std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        let sink = sink(path.to_str().unwrap(), "lines", "append");
        let limit = std::time::Duration::from_millis(50);
        let some = batch(&["a"]);
        let start = rt::now();
        assert!(rt::timeout(limit, sink.write(&some)).await.is_err());
        assert!(rt::now().since(start).as_millis() < 1000, "dropping the write ends it");
        // Once there is a reader the same sink goes on.
        let reader = path.clone();
        let reader = std::thread::spawn(move || std::fs::read_to_string(reader).unwrap());
        sink.write(&some).await.unwrap();
        sink.close().await.unwrap();
        assert_eq!(rt::blocking(move || reader.join().unwrap()).await.unwrap(), "a\n");
    });
}

#[test]
fn a_block_of_lines_is_written_in_one_piece() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = at(&dir, "out");
        let bytes = Bytes::from_static(b"a\nb\n");
        let raw = plan::RawBlock { bytes, meta: None, offset: 0, only: None };
        sink(&path, "lines", "append").write(&Batch::new(plan::Data::Raw(raw))).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
    });
}

#[test]
fn unknown_codecs_are_refused() {
    let config = TestEnv::code(json!({"path": "x", "codec": "foo"}), "path");
    let error = (SPEC.build)(&config, &TestEnv::new()).err().map(|e| e.text);
    assert_eq!(error.as_deref(), Some("codec was not recognised: foo"));
}

#[test]
fn no_path_leads_out_of_the_root() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let root = at(&dir, "root");
        std::fs::create_dir_all(dir.join("root/inner")).unwrap();
        std::fs::create_dir(dir.join("outside")).unwrap();
        for (link, to) in [("out", "../outside"), ("new", "../new.txt"), ("in", "inner")] {
            std::os::unix::fs::symlink(to, dir.join(&format!("root/{link}"))).unwrap();
        }
        for codec in ["lines", "all-bytes"] {
            let config = json!({"path": "[content]", "codec": codec, "root": root});
            let config = TestEnv::code(config, "path");
            let sink = (SPEC.build)(&config, &TestEnv::new()).unwrap();
            let absolute = at(&dir, "outside/x");
            let bad = ["../x", "a/../../x", "/tmp/x", &absolute, "out/x", "out", "new", "", "."];
            let good = ["a", "deep/er/b", "./c", "in/d"];
            let all: Vec<&str> = bad.iter().chain(&good).copied().collect();
            let Err(SinkError::Some(failed)) = sink.write(&batch(&all)).await else {
                panic!("nothing failed");
            };
            let mut indices: Vec<usize> = failed.iter().map(|(index, _)| *index).collect();
            indices.sort_unstable();
            assert_eq!(indices, Vec::from_iter(0..bad.len()));
            let want = format!("the path \"../x\" leads out of the directory {root}");
            assert!(failed.iter().any(|(_, fault)| fault.text == want), "{failed:?}");
            for path in ["root/a", "root/deep/er/b", "root/c", "root/inner/d"] {
                assert!(dir.join(path).is_file(), "{path}");
            }
            assert_eq!(std::fs::read_dir(dir.join("outside")).unwrap().count(), 0);
            assert!(!dir.join("new.txt").exists() && !dir.join("x").exists());
        }
    });
}

#[test]
fn the_root_is_made_when_it_is_missing() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let root = at(&dir, "some/where");
        let config = TestEnv::code(json!({"path": "a/b", "root": root}), "path");
        let sink = (SPEC.build)(&config, &TestEnv::new()).unwrap();
        sink.write(&batch(&["x"])).await.unwrap();
        assert_eq!(std::fs::read_to_string(dir.join("some/where/a/b")).unwrap(), "x\n");
    });
}

fn strict(path: &str, mode: &str) -> Box<dyn Sink> {
    let config = json!({"path": path, "codec": "lines", "mode": mode, "strict": true});
    (SPEC.build)(&TestEnv::code(config, "path"), &TestEnv::new()).unwrap()
}

#[test]
fn a_strict_sink_gives_up_on_a_directory_and_on_nothing_else() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = at(&dir, "out");
        std::fs::create_dir(&path).unwrap();
        for mode in ["append", "overwrite"] {
            let sink = strict(&path, mode);
            let fault = sink.open().await.unwrap_err();
            assert_eq!(fault.text, format!("open {path}: is a directory"));
            assert!(sink.gives_up());
        }
        let lenient = sink(&path, "lines", "overwrite");
        assert!(lenient.open().await.is_err());
        assert!(!lenient.gives_up(), "others try again for ever");

        // A link to nothing in the way of a folder: it may go away.
        let link = at(&dir, "link");
        std::os::unix::fs::symlink(dir.join("gone/gone"), &link).unwrap();
        let sink = strict(&format!("{link}/out"), "append");
        assert!(sink.open().await.is_err());
        assert!(!sink.gives_up());
        std::fs::remove_file(&link).unwrap();
        sink.open().await.unwrap();
        assert_eq!(std::fs::read(dir.join("link/out")).unwrap(), b"", "it is there at once");
    });
}

#[test]
fn a_strict_sink_holds_what_it_cannot_write() {
    both_modes(|| async {
        let sink = strict("/dev/full", "append");
        sink.open().await.unwrap();
        let failed = sink.write(&batch(&["a"])).await.unwrap_err();
        let SinkError::NotConnected(fault) = failed else { panic!("{failed:?}") };
        assert!(fault.text.starts_with("write /dev/full: no space left"), "{}", fault.text);
        assert!(!sink.gives_up());
    });
}
