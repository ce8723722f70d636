//! What is kept in a state directory when the program is killed: streams and resources that were
//! made over REST, and what REST made of the streams of files. The latest change wins.

use tests::program::{Folder, Program, http};

const SERVICE: &str = "http: {address: '127.0.0.1:0'}\n";

fn stream(mark: &str) -> String {
    format!(
        "input: {{generate: {{interval: 1h, mapping: root = \"{mark}\"}}}}\noutput: {{drop: {{}}}}\n"
    )
}

/// A service with a state directory and the files that are there, and the table of its streams.
struct Service<'f> {
    folder: &'f Folder,
    program: Program,
    address: String,
}

impl<'f> Service<'f> {
    fn start(folder: &'f Folder) -> Self {
        let service = folder.write("service.yaml", SERVICE);
        let path = |name: &str| folder.path(name).display().to_string();
        let (state, dir, resources) = (path("state"), path("dir"), path("res.yaml"));
        let args =
            ["streams", "-o", &service, "--state-dir", &state, "-r", &resources, dir.as_str()];
        let program = Program::start(&args);
        let address = program.address("HTTP requests");
        Service { folder, program, address }
    }

    /// Kills it and starts it anew.
    fn again(self) -> Self {
        self.program.signal("KILL");
        let folder = self.folder;
        drop(self);
        Service::start(folder)
    }

    fn done(&self, verb: &str, target: &str, body: &str) {
        let answer = http(&self.address, verb, target, body);
        assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{verb} {target}");
    }

    /// Every stream that runs, with what it says.
    fn table(&self) -> Vec<String> {
        let streams = http(&self.address, "GET", "/streams", "").json();
        let all = streams.as_object().expect("an object").iter();
        all.map(|(id, shown)| {
            assert_eq!(shown["active"], true, "{id}");
            let shown = http(&self.address, "GET", &format!("/streams/{id}"), "").json();
            let mapping = shown["config"]["input"]["generate"]["mapping"].as_str();
            let mark = mapping.and_then(|text| text.split('"').nth(1));
            format!("{id} {}", mark.unwrap_or_default())
        })
        .collect()
    }
}

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    std::fs::create_dir_all(folder.path("dir")).expect("made");
    folder.write("res.yaml", "{}\n");
    folder
}

#[test]
fn the_latest_change_wins_after_a_kill() {
    let folder = folder("kept");
    for id in ["deleted", "edited", "patched", "plain", "removed"] {
        folder.write(&format!("dir/{id}.yaml"), stream("file"));
    }
    let service = Service::start(&folder);
    service.done("POST", "/streams/rest", &stream("rest"));
    service.done("POST", "/streams/gone", &stream("gone"));
    service.done("DELETE", "/streams/gone", "");
    service.done("DELETE", "/streams/deleted", "");
    let patch = "{\"input\":{\"generate\":{\"mapping\":\"root = \\\"patch\\\"\"}}}";
    service.done("PATCH", "/streams/patched", patch);
    service.done("PATCH", "/streams/edited", patch);
    let table = ["edited patch", "patched patch", "plain file", "removed file", "rest rest"];
    assert_eq!(service.table(), table);
    let service = service.again();
    assert_eq!(service.table(), table, "nothing but REST has changed anything");
    // Files that change while nobody runs are newer than what was done over REST.
    folder.write("dir/edited.yaml", stream("edit"));
    folder.write("dir/rest.yaml", stream("taken"));
    std::fs::remove_file(folder.path("dir/removed.yaml")).expect("removed");
    let service = service.again();
    let table = ["edited edit", "patched patch", "plain file", "rest taken"];
    assert_eq!(service.table(), table);
    let service = service.again();
    assert_eq!(service.table(), table);
    // A stream that was deleted is back when its file changes.
    folder.write("dir/deleted.yaml", stream("back"));
    assert_eq!(service.again().table()[0], "deleted back");
}

#[test]
fn resources_are_back_and_those_of_files_are_as_these_say_now() {
    let folder = folder("kept-resources");
    let tag = |mark: &str| {
        let mapping = format!("mapping: 'root = \"{mark}\"'");
        format!("processor_resources: [{{label: filed, {mapping}}}]\n")
    };
    folder.write("res.yaml", tag("one"));
    let stream = |id: &str| {
        format!(
            "input: {{http_server: {{path: /in}}}}\npipeline: {{processors: [resource: {id}]}}\n\
             output: {{sync_response: {{}}}}\n"
        )
    };
    let service = Service::start(&folder);
    service.done("POST", "/resources/processor/rest", "mapping: root = \"rest\"");
    for id in ["filed", "rest"] {
        service.done("POST", &format!("/streams/{id}"), &stream(id));
    }
    let says = |service: &Service<'_>, id: &str| {
        let target = format!("/{id}/in");
        let said = tests::program::until(|| {
            let answer = http(&service.address, "POST", &target, "x");
            (answer.status == 200).then(|| answer.text())
        });
        said.expect("an answer")
    };
    assert_eq!((says(&service, "filed"), says(&service, "rest")), ("one".into(), "rest".into()));
    folder.write("res.yaml", tag("two"));
    let service = service.again();
    assert_eq!((says(&service, "filed"), says(&service, "rest")), ("two".into(), "rest".into()));
    service.done("POST", "/streams/new", &stream("rest"));
    assert_eq!(says(&service, "new"), "rest");
}
