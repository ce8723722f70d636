//! The binary where io_uring is refused, as under the usual filter of containers. Alone in its
//! process, because the filter is inherited by everything started from here and never goes away.

use tests::program::{Folder, Program, http, until};

#[test]
fn where_io_uring_is_refused_it_runs_on_epoll_and_says_so() {
    rt::testing::refuse_io_uring().expect("the filter is installed");
    let folder = Folder::new("refused");
    folder.write("in.txt", "one\ntwo\n");
    let state = folder.path("state").display().to_string();
    let args = ["serve", "--listen", "benthos=127.0.0.1:0", "--state-dir", &state];
    let program = Program::start(&args);
    let address = program.address("requests: benthos");
    let log = program.log();
    assert!(log.contains("io=epoll"), "{log}");
    assert!(log.contains("level=warning"), "one warning says why: {log}");
    let config = format!(
        "{{\"input\":{{\"file\":{{\"paths\":[\"{}\"]}}}},\"output\":{{\"file\":{{\"path\":\"{}\"}}}}}}",
        folder.path("in.txt").display(),
        folder.path("out.txt").display()
    );
    assert_eq!(http(&address, "POST", "/streams/a", &config).status, 200);
    let written = until(|| Some(folder.read("out.txt")).filter(|t| t.lines().count() == 2));
    assert_eq!(written.as_deref(), Some("one\ntwo\n"));
}
