//! An editor as far as `ork lsp` sees one.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any answer takes on a busy machine: who waits so long waits for nothing.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Editor {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What came while something else was waited for.
    kept: VecDeque<Value>,
    next: i32,
    version: i32,
}

impl Editor {
    /// Greets the server.
    pub(crate) fn start(child: Child) -> Self {
        let mut editor = Self::silent(child);
        let answer = editor.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16", "{answer}");
        editor.tell("initialized", json!({}));
        editor
    }

    /// Says nothing yet.
    pub(crate) fn silent(mut child: Child) -> Self {
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, messages, kept: VecDeque::new(), next: 0, version: 0 }
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let stdin = self.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The whole answer, with its `result` or `error`.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.wait(|message| message["id"] == id)
    }

    pub(crate) fn open(&mut self, file: &Path, text: &str) {
        self.version += 1;
        let document = json!({"uri": uri(file), "languageId": "yaml", "version": self.version, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    pub(crate) fn change(&mut self, file: &Path, text: &str) {
        self.version += 1;
        let document = json!({"uri": uri(file), "version": self.version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [{"text": text}]}));
    }

    pub(crate) fn close(&mut self, file: &Path) {
        self.tell("textDocument/didClose", json!({"textDocument": {"uri": uri(file)}}));
    }

    /// The next diagnostics that are published for a file.
    pub(crate) fn diagnostics(&mut self, file: &Path) -> Vec<Value> {
        let uri = uri(file);
        let published = "textDocument/publishDiagnostics";
        let message = self.wait(|message| message["method"] == published && message["params"]["uri"] == uri.as_str());
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Asks about the place of the mark `‸` in a text, which the file gets without it.
    pub(crate) fn at(&mut self, method: &str, file: &Path, marked: &str) -> Value {
        let offset = marked.find('‸').expect("a mark");
        let before = &marked[..offset];
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        self.change(file, &marked.replacen('‸', "", 1));
        let params = json!({"textDocument": {"uri": uri(file)}, "position": {"line": line, "character": character}});
        self.ask(method, params)["result"].clone()
    }

    fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&is_it) {
            return self.kept.remove(at).unwrap();
        }
        loop {
            match self.messages.recv_timeout(PATIENCE) {
                Ok(message) if is_it(&message) => return message,
                Ok(message) => self.kept.push_back(message),
                Err(RecvTimeoutError::Timeout) => panic!("no answer in {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the server went: {}", self.said()),
            }
        }
    }

    fn said(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = self.child.stderr.as_mut() {
            let _ = stderr.read_to_string(&mut text);
        }
        text
    }

    /// Says goodbye.
    pub(crate) fn end(mut self) -> ExitStatus {
        let answer = self.ask("shutdown", Value::Null);
        assert_eq!(answer["result"], Value::Null, "{answer}");
        self.tell("exit", Value::Null);
        self.child.wait().unwrap()
    }

    /// Goes without a word.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        self.stdin = None;
        self.child.wait().unwrap()
    }

    /// Says `exit`, and nothing before it.
    pub(crate) fn leave(mut self) -> ExitStatus {
        self.tell("exit", Value::Null);
        self.child.wait().unwrap()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stdout: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut text = vec![0; length];
    stdout.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

pub(crate) fn uri(file: &Path) -> String {
    format!("file://{}", file.display())
}

/// A Katalog of five hundred lines for the CRD of the PostgreSQL pattern: as many children as that takes, each with expressions
/// as they are usual. The first line with `EDIT` is a comment that an edit can replace.
pub(crate) fn long_katalog() -> String {
    let mut text = String::from(
        "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata:\n  name: long\n  version: 1.0.0\n  # EDIT\nspec:\n  crds:\n    \
         postgres:\n      operatorBox:\n        vars:\n          image: \"postgres:{{ spec.version }}\"\n        onReconcile:\n",
    );
    text.push_str("          deployments:\n");
    for index in 0..40 {
        text.push_str(&format!(
            "            - id: web{index}\n              name: \"{{{{ metadata.name }}}}-web{index}\"\n              \
             when: \"{{{{ spec.replicas > {index} }}}}\"\n              replicas: \"{{{{ spec.replicas }}}}\"\n              \
             image: \"{{{{ vars.image }}}}\"\n              env:\n                - name: DATABASE\n                  \
             value: \"{{{{ spec.database | default 'none' }}}}\"\n              port: 8080\n"
        ));
    }
    text.push_str("          services:\n");
    let mut index = 0;
    while text.lines().count() < 500 {
        text.push_str(&format!(
            "            - id: svc{index}\n              name: \"{{{{ metadata.name }}}}-svc{index}\"\n              \
             selector:\n                app: \"{{{{ metadata.name }}}}\"\n              port: 80\n"
        ));
        index += 1;
    }
    text
}
