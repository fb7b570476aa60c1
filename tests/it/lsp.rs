//! The language server, driven by a client over its streams. Sessions are data: `tests/cases/lsp/<name>/session.txt`
//! holds steps (`> hover unit.lens "c.^status"`) and below each what it shows; `UPDATE=1` writes that anew.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Suggestions that a session shows.
const SHOWN_MAX: usize = 12;

struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    folder: PathBuf,
    texts: BTreeMap<String, (i64, String)>,
    findings: BTreeMap<String, (Option<i64>, Value)>,
    next_id: i64,
    in_bytes: bool,
}

impl Client {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sauma"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let (texts, findings) = (BTreeMap::new(), BTreeMap::new());
        Self { child, input, output, folder, texts, findings, next_id: 0, in_bytes: false }
    }

    fn initialized(folder: &Path, encodings: &[&str]) -> Self {
        let mut client = Self::start(folder);
        client.in_bytes = encodings.contains(&"utf-8");
        let general = json!({ "positionEncodings": encodings });
        let answer = client.request("initialize", &json!({ "capabilities": { "general": general } }));
        let agreed = if client.in_bytes { "utf-8" } else { "utf-16" };
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], agreed);
        client.notify("initialized", &json!({}));
        client
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    fn send(&mut self, value: &Value) {
        let body = value.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The next message of the server; `None` where it is gone.
    fn read(&mut self) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            if let Some(stated) = line.strip_prefix("Content-Length: ") {
                length = stated.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        Some(serde_json::from_slice(&body).unwrap())
    }

    /// The next answer; findings that come before it are kept.
    fn answer(&mut self) -> Value {
        loop {
            let message = self.read().unwrap();
            if message["method"] == "textDocument/publishDiagnostics" {
                let params = &message["params"];
                let found = (params["version"].as_i64(), params["diagnostics"].clone());
                self.findings.insert(params["uri"].as_str().unwrap().to_owned(), found);
            } else {
                return message;
            }
        }
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.answer();
        assert_eq!(answer["id"], id, "{method}: {answer}");
        answer
    }

    /// Says goodbye; gives the exit code.
    fn end(mut self) -> Option<i32> {
        self.request("shutdown", &Value::Null);
        self.notify("exit", &Value::Null);
        self.gone()
    }

    fn gone(&mut self) -> Option<i32> {
        drop(self.input.take());
        while self.read().is_some() {}
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        self.child.wait().unwrap().code()
    }

    fn uri(&self, file: &str) -> String {
        format!("file://{}/{file}", self.folder.display())
    }

    fn open(&mut self, file: &str, text: &str) {
        self.texts.insert(file.to_owned(), (1, text.to_owned()));
        let document = json!({ "uri": self.uri(file), "languageId": "any", "version": 1, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    /// Replaces the first `old` by `new`, as an editor does while somebody types.
    fn change(&mut self, file: &str, old: &str, new: &str) {
        let (version, text) = self.texts.get(file).unwrap().clone();
        let at = text.find(old).unwrap_or_else(|| panic!("`{old}` is not in {file}"));
        let range = json!({ "start": self.position(&text, at), "end": self.position(&text, at + old.len()) });
        self.texts.insert(file.to_owned(), (version + 1, text.replacen(old, new, 1)));
        let document = json!({ "uri": self.uri(file), "version": version + 1 });
        let changes = json!([{ "range": range, "text": new }]);
        self.notify(
            "textDocument/didChange",
            &json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    fn position(&self, text: &str, at: usize) -> Value {
        let line = text[..at].matches('\n').count();
        let before = &text[text[..at].rfind('\n').map_or(0, |at| at + 1)..at];
        let character = if self.in_bytes { before.len() } else { before.encode_utf16().count() };
        json!({ "line": line, "character": character })
    }

    /// The findings of the present version of a document.
    fn findings(&mut self, file: &str) -> Value {
        let (uri, version) = (self.uri(file), self.texts.get(file).unwrap().0);
        loop {
            match self.findings.get(&uri) {
                Some((Some(told), found)) if *told == version => return found.clone(),
                _ => {}
            }
            // An answer to a request that no server knows comes after all that waits was handled.
            self.request("sauma/nothing", &json!({}));
        }
    }
}

/// A place that a session names: `"c.^status"` is behind the first `c.`.
fn pointed(client: &Client, file: &str, pattern: &str) -> Value {
    let text = &client.texts.get(file).unwrap().1;
    let plain = pattern.replace('^', "");
    let at = text.find(&plain).unwrap_or_else(|| panic!("`{plain}` is not in {file}"));
    client.position(text, at + pattern.find('^').unwrap_or(0))
}

fn place(range: &Value) -> String {
    let at = |end: &Value| {
        format!("{}:{}", end["line"].as_u64().unwrap() + 1, end["character"].as_u64().unwrap() + 1)
    };
    format!("{}-{}", at(&range["start"]), at(&range["end"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The words of a step; what stands in quotes is one.
fn words(step: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = step.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('`') {
            Some(inside) => inside.split_once('`').unwrap(),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.replace("\\n", "\n"));
        rest = after.trim_start();
    }
    words
}

fn run_step(client: &mut Client, step: &str) -> String {
    let words = words(step);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let (command, file) = (word(0), word(1));
    match command {
        "open" => {
            let content = fs::read_to_string(client.folder.join(file)).unwrap();
            client.open(file, &content);
            String::new()
        }
        "change" => {
            client.change(file, word(2), word(3));
            String::new()
        }
        "close" => {
            let document = json!({ "textDocument": { "uri": client.uri(file) } });
            client.notify("textDocument/didClose", &document);
            String::new()
        }
        "findings" => shown_findings(&client.findings(file)),
        "symbols" | "format" | "lenses" | "where" => of_document(client, command, file, word(2)),
        _ => at_place(client, command, file, word(2), word(3)),
    }
}

/// A step that asks for something of a whole document.
fn of_document(client: &mut Client, command: &str, file: &str, what: &str) -> String {
    let mut params = json!({ "textDocument": { "uri": client.uri(file) } });
    match command {
        "symbols" => shown_symbols(&client.request("textDocument/documentSymbol", &params)["result"], 0),
        "format" => {
            params["options"] = json!({ "tabSize": 2, "insertSpaces": true });
            match &client.request("textDocument/formatting", &params)["result"] {
                Value::Array(edits) => edits.iter().map(|edit| text(&edit["newText"])).collect(),
                other => other.to_string(),
            }
        }
        "lenses" => {
            let answer = client.request("textDocument/codeLens", &params);
            let shown = |it: &Value| {
                let asks = list(&it["command"]["arguments"]).iter().map(|it| shown_asked(client, it));
                format!(
                    "{} {}{}",
                    place(&it["range"]),
                    text(&it["command"]["title"]),
                    asks.collect::<String>()
                )
            };
            list(&answer["result"]).iter().map(shown).collect::<Vec<_>>().join("\n")
        }
        _ => {
            if what.contains('^') {
                params["position"] = pointed(client, file, what);
            } else {
                params["path"] = json!(what);
            }
            let command = json!({ "command": "sauma.whereDidThisFieldGo", "arguments": [params] });
            let answer = client.request("workspace/executeCommand", &command);
            shown_where(client, file, &answer["result"])
        }
    }
}

/// A step that asks for something at a place.
fn at_place(client: &mut Client, command: &str, file: &str, pattern: &str, word: &str) -> String {
    let place = pointed(client, file, pattern);
    let mut params = json!({ "textDocument": { "uri": client.uri(file) }, "position": place });
    match command {
        "hover" => {
            let answer = client.request("textDocument/hover", &params);
            text(&answer["result"]["contents"]["value"]).to_owned()
        }
        "complete" => shown_items(&client.request("textDocument/completion", &params)["result"], word),
        "define" => {
            let answer = client.request("textDocument/definition", &params);
            shown_place(client, &answer["result"])
        }
        "references" => {
            params["context"] = json!({ "includeDeclaration": true });
            let answer = client.request("textDocument/references", &params);
            list(&answer["result"]).iter().map(|it| shown_place(client, it)).collect::<Vec<_>>().join("\n")
        }
        "rename" => {
            params["newName"] = json!(word);
            let answer = client.request("textDocument/rename", &params);
            shown_changes(client, &answer)
        }
        "actions" => {
            params["range"] = json!({ "start": place, "end": place });
            params["context"] = json!({ "diagnostics": [] });
            shown_actions(&client.request("textDocument/codeAction", &params)["result"])
        }
        _ => panic!("no step `{command}`"),
    }
}

fn shown_findings(found: &Value) -> String {
    let one = |it: &Value| {
        let severity = ["", "error", "warning", "information"]
            [usize::try_from(it["severity"].as_u64().unwrap()).unwrap()];
        let related = list(&it["relatedInformation"]).iter();
        let related: String = related
            .map(|it| format!(" ({} {})", place(&it["location"]["range"]), text(&it["message"])))
            .collect();
        let message = text(&it["message"]).replace('\n', " | ");
        format!("{} {severity} {} {message}{related}", place(&it["range"]), text(&it["code"]))
    };
    list(found).iter().map(one).collect::<Vec<_>>().join("\n")
}

fn shown_items(found: &Value, prefix: &str) -> String {
    let items = list(found).iter().filter(|it| text(&it["label"]).starts_with(prefix));
    let mut shown: Vec<String> =
        items.map(|it| format!("{} {}", text(&it["label"]), text(&it["detail"])).trim().to_owned()).collect();
    let more = shown.len().saturating_sub(SHOWN_MAX);
    shown.truncate(SHOWN_MAX);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join("\n")
}

fn file_of(client: &Client, uri: &str) -> String {
    uri.replace(&client.uri(""), "")
}

fn shown_place(client: &Client, found: &Value) -> String {
    if found.is_null() {
        return "nothing".to_owned();
    }
    format!("{} {}", file_of(client, text(&found["uri"])), place(&found["range"]))
}

fn shown_changes(client: &Client, answer: &Value) -> String {
    if let Some(error) = answer.get("error") {
        return format!("refused: {}", text(&error["message"]));
    }
    let mut lines = Vec::new();
    for (uri, edits) in answer["result"]["changes"].as_object().unwrap() {
        for edit in list(edits) {
            let (file, place) = (file_of(client, uri), place(&edit["range"]));
            lines.push(format!("{file} {place} {}", text(&edit["newText"])));
        }
    }
    lines.join("\n")
}

fn shown_symbols(found: &Value, depth: usize) -> String {
    let mut lines = Vec::new();
    for it in list(found) {
        lines.push(format!("{}{} {}", "  ".repeat(depth), text(&it["name"]), place(&it["range"])));
        let inside = shown_symbols(&it["children"], depth + 1);
        lines.extend((!inside.is_empty()).then_some(inside));
    }
    lines.join("\n")
}

fn shown_actions(found: &Value) -> String {
    let mut lines = Vec::new();
    for action in list(found) {
        lines.push(text(&action["title"]).to_owned());
        for edits in action["edit"]["changes"].as_object().unwrap().values() {
            for edit in list(edits) {
                lines.push(format!("  {} {:?}", place(&edit["range"]), text(&edit["newText"])));
            }
        }
    }
    lines.join("\n")
}

/// What the command of a code lens asks about.
fn shown_asked(client: &Client, asked: &Value) -> String {
    let at = &asked["position"];
    let number = |name: &str| at[name].as_u64().unwrap() + 1;
    let file = file_of(client, text(&asked["textDocument"]["uri"]));
    format!(" (asks {file} {}:{})", number("line"), number("character"))
}

fn shown_where(client: &Client, file: &str, found: &Value) -> String {
    let mut lines = Vec::new();
    for answer in list(found) {
        lines.push(format!("{} {}", text(&answer["path"]), text(&answer["says"])).trim().to_owned());
        for rule in list(&answer["rules"]) {
            let at = file_of(client, text(&rule["location"]["uri"]));
            let elsewhere = if at == file { String::new() } else { format!("{at} ") };
            lines.push(format!("  {elsewhere}{} {}", place(&rule["location"]["range"]), text(&rule["says"])));
        }
    }
    lines.join("\n")
}

/// Runs a session; gives it as it should be written.
fn run_session(folder: &Path, encodings: &[&str]) -> (String, String) {
    let written = fs::read_to_string(folder.join("session.txt")).unwrap();
    let mut client = Client::initialized(folder, encodings);
    let mut out = String::new();
    for line in written.lines() {
        if let Some(step) = line.strip_prefix("> ") {
            let shown = run_step(&mut client, step);
            writeln!(out, "{line}").unwrap();
            for shown in shown.lines().filter(|line| !line.is_empty()) {
                writeln!(out, "  {shown}").unwrap();
            }
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(out, "{line}").unwrap();
        }
    }
    let plain = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(client.end(), Some(0));
    (plain(&written), plain(&out))
}

#[test]
fn sessions_go_as_they_are_written() {
    let mut faults = Vec::new();
    let mut folders: Vec<PathBuf> =
        fs::read_dir("tests/cases/lsp").unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 4, "the sessions are gone");
    for folder in folders {
        let (written, found) = run_session(&folder, &["utf-16"]);
        if written == found {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(folder.join("session.txt"), format!("{found}\n")).unwrap();
        } else {
            faults.push(format!("{}:\n{found}", folder.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn places_in_bytes_and_in_utf_16_are_the_same_places() {
    let lens = "lens \"u\" version \"1\"\ntitle \"€😀ä\" surce fhir \"x\"\n";
    for encodings in [&["utf-8", "utf-16"][..], &["utf-16"], &[]] {
        let mut client = Client::initialized(Path::new("."), encodings);
        client.open("a.lens", lens);
        let found = client.findings("a.lens");
        let expected = client.position(lens, lens.find("surce").unwrap());
        assert_eq!(found[0]["range"]["start"], expected, "{encodings:?}");
        client.change("a.lens", "€😀", "😀€😀");
        client.change("a.lens", "surce", "source");
        let found = client.findings("a.lens");
        assert!(list(&found).iter().all(|it| !text(&it["message"]).contains("surce")), "{found}");
        assert_eq!(client.end(), Some(0));
    }
}

#[test]
fn a_session_survives_frames_that_are_wrong() {
    let mut client = Client::start(Path::new("."));
    let early = client.request("textDocument/hover", &json!({}));
    assert_eq!(early["error"]["code"], -32002);
    assert!(client.request("initialize", &json!({ "capabilities": {} }))["result"].is_object());
    assert_eq!(client.request("initialize", &json!({ "capabilities": {} }))["error"]["code"], -32600);
    for (bytes, code) in [
        ("Content-Length: 3\r\n\r\n{{{", -32700),
        ("Content-Length: 2\r\n\r\n[]", -32600),
        ("Content-Length: x\r\n\r\n", -32700),
        ("Content-Type: a\r\nnonsense\r\n\r\n", -32700),
        ("Content-Length: 14\r\n\r\n{\"method\": [1]", -32700),
        ("Content-Length: 13\r\n\r\n{\"method\":[]}", -32600),
    ] {
        client.send_bytes(bytes.as_bytes());
        let answer = client.answer();
        assert_eq!(answer["error"]["code"], code, "{bytes}");
        assert!(answer["id"].is_null());
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    client.send_bytes(format!("Content-Length: {}\r\n\r\n{deep}", deep.len()).as_bytes());
    assert_eq!(client.answer()["error"]["code"], -32700);
    let body = " ".repeat(17 << 20);
    client.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    assert_eq!(client.answer()["error"]["code"], -32600);

    assert_eq!(client.request("no/such", &json!({}))["error"]["code"], -32601);
    assert_eq!(client.request("textDocument/hover", &json!({ "position": 7 }))["error"]["code"], -32602);
    let unknown =
        json!({ "textDocument": { "uri": "file:///no.lens" }, "position": { "line": 0, "character": 0 } });
    assert_eq!(client.request("textDocument/hover", &unknown)["error"]["code"], -32602);
    client.notify("textDocument/didChange", &json!({ "contentChanges": "no" }));
    client.notify("$/unknown", &json!({}));
    client.request("shutdown", &Value::Null);
    assert_eq!(client.request("textDocument/hover", &json!({}))["error"]["code"], -32600);
    client.notify("exit", &Value::Null);
    assert_eq!(client.gone(), Some(0));
}

#[test]
fn exit_codes_say_how_it_ended() {
    let mut client = Client::initialized(Path::new("."), &[]);
    client.notify("exit", &Value::Null);
    assert_eq!(client.gone(), Some(1));
    let mut client = Client::initialized(Path::new("."), &[]);
    assert_eq!(client.gone(), Some(1));
    let mut client = Client::start(Path::new("."));
    client.send_bytes("x".repeat(20_000).as_bytes());
    assert_eq!(client.gone(), Some(2));
}

#[test]
fn a_storm_of_changes_is_weathered() {
    let text = fs::read_to_string("mappings/social-client-plan/unit.lens").unwrap();
    let folder = Path::new("mappings/social-client-plan");
    let mut client = Client::initialized(folder, &["utf-16"]);
    client.open("unit.lens", &text);
    assert_eq!(client.findings("unit.lens"), json!([]));
    // A word is typed and taken back, letter by letter, while the editor asks and takes back what it asked.
    let mut answers = 0;
    for round in 0..100 {
        client.change("unit.lens", "map ", "map x");
        client.next_id += 1;
        let id = client.next_id;
        let place = json!({ "line": round, "character": 4 });
        let params = json!({ "textDocument": { "uri": client.uri("unit.lens") }, "position": place });
        client.send(
            &json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/completion", "params": params }),
        );
        client.notify("$/cancelRequest", &json!({ "id": id }));
        client.change("unit.lens", "map x", "map ");
        answers += 1;
    }
    let (mut told, mut cancelled) = (0, 0);
    while answers > 0 {
        let message = client.read().unwrap();
        if message.get("id").is_some() {
            answers -= 1;
            cancelled += usize::from(message["error"]["code"] == -32800);
        } else {
            told += 1;
        }
    }
    assert_eq!(client.findings("unit.lens"), json!([]));
    assert!(told < 200, "every change of a storm was looked into");
    assert!(cancelled <= 100);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn no_text_makes_the_server_fail() {
    let mut client = Client::initialized(Path::new("."), &["utf-16"]);
    let texts = [
        ("a.lens", fs::read_to_string("mappings/employment-plan/unit.lens").unwrap()),
        ("a.fml", fs::read_to_string("tests/cases/lsp/map/plan.fml").unwrap()),
        ("a.fhirpath", "CarePlan.activity.where(detail.status = 'x' and $this.id.exists())".to_owned()),
    ];
    for (file, whole) in texts {
        client.open(file, &whole);
        let uri = client.uri(file);
        // The text is cut at many places, as it is while somebody writes it.
        let places: Vec<usize> =
            whole.char_indices().map(|(at, _)| at).step_by(whole.len() / 60 + 1).collect();
        for at in places {
            let version = client.texts.get(file).unwrap().0 + 1;
            client.texts.insert(file.to_owned(), (version, whole[..at].to_owned()));
            let params = json!({
                "textDocument": { "uri": uri, "version": version },
                "contentChanges": [{ "text": whole[..at] }],
            });
            client.notify("textDocument/didChange", &params);
            let place =
                json!({ "textDocument": { "uri": uri }, "position": client.position(&whole[..at], at) });
            for method in ["hover", "completion", "definition", "prepareRename"] {
                let answer = client.request(&format!("textDocument/{method}"), &place);
                assert!(answer.get("result").is_some(), "{file} {at} {method}: {answer}");
            }
        }
    }
    let great = "x".repeat((4 << 20) + 1);
    client.open("great.lens", &great);
    assert_eq!(client.findings("great.lens")[0]["code"], "F107");
    client.open("client.lens", "{\"henkilotunnus\": \"131052-308T\"}");
    let found = client.findings("client.lens").to_string();
    assert!(found.contains("this is no lens") && !found.contains("131052"), "{found}");
    let nested = format!(
        "lens \"u\" version \"1\" source fhir \"Bundle\" target fhir \"Bundle\" map p <-> b {{{}",
        "p as q <-> b as c {".repeat(5_000)
    );
    client.open("nested.lens", &nested);
    client.findings("nested.lens");
    // Groups that use each other without end, and rules within rules through them, are bounded together.
    let groups: String = (0..5_000)
        .map(|at| format!("group G{at}(k <-> t) {{ k as a <-> t as b by G{} }}\n", at + 1))
        .collect();
    let head = "lens \"u\" version \"1\" source fhir \"CarePlan\" target fhir \"Bundle\"";
    client.open("chain.lens", &format!("{head} map p <-> b {{ p as q <-> b as c by G0 }}\n{groups}"));
    assert!(client.findings("chain.lens").to_string().contains("F107"));
    assert_eq!(client.end(), Some(0));
}
