//! `mainstem q` as a console over a pipe: each line is answered, errors end nothing.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use tests::program::binary;

/// What the console says to some lines, and how it ends.
fn console(input: &str) -> (String, Option<i32>) {
    let mut command = Command::new(binary());
    let command = command.arg("q").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    (String::from_utf8(output.stdout).expect("text"), output.status.code())
}

#[test]
fn lines_are_answered_and_errors_end_nothing() {
    let (out, code) = console("f:{x+\n  y}\nf[1;2]\n1+`a\nshow `b\n(1;\n2)\n");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.first(), Some(&"3"), "{out}");
    assert!(lines.iter().any(|line| line.starts_with("'type")), "{out}");
    assert!(out.ends_with("`b\n1 2\n"), "{out}");
    assert_eq!(code, Some(0));
}

#[test]
fn two_backslashes_leave() {
    assert_eq!(console("1\n\\\\\n2\n"), ("1\n".to_owned(), Some(0)));
}

#[test]
fn whoever_waits_for_an_answer_gets_it() {
    let mut command = Command::new(binary());
    let command = command.arg("q").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for n in 1..4 {
        writeln!(stdin, "{n}*10").expect("written");
        let answer = lines.next().and_then(Result::ok);
        assert_eq!(answer, Some(format!("{}", n * 10)));
    }
    drop(stdin);
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

/// What expressions come to.
fn evaluated(expressions: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.arg("q");
    for expression in expressions {
        command.args(["-e", expression]);
    }
    let output = command.output().expect("ends");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn expressions_have_the_clock_of_the_machine_and_known_chance() {
    let since = |time: std::time::SystemTime| {
        time.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
    };
    let before = since(std::time::SystemTime::now());
    let now = evaluated(&["a:.z.p", "(`long$a-1970.01.01D) div 1000000000"]);
    let now: u64 = now.trim().parse().expect("seconds");
    assert!((before..=since(std::time::SystemTime::now())).contains(&now), "{before} {now}");
    assert_eq!(evaluated(&["5?1000000"]), evaluated(&["5?1000000"]));
    assert_eq!(evaluated(&["x:.z.p;while[x=.z.p;0];x<.z.p"]), "1b\n", "and it goes on");
}
