use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::editor::{Editor, long_katalog, uri};
use crate::support::{Copy, postgres, talk};

/// More than a check takes anywhere, and less than anybody waits: it finds what hangs. How long it takes is for the bench.
const HANGS: Duration = Duration::from_secs(10);

fn editor() -> Editor {
    Editor::start(talk(&["lsp"]))
}

fn katalog() -> String {
    std::fs::read_to_string(postgres().join("katalog.yaml")).unwrap()
}

fn file(pattern: &Copy, name: &str) -> PathBuf {
    pattern.file(name).canonicalize().unwrap()
}

fn labels(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
}

/// What a marked line of the Katalog is answered with, in place of another.
fn ask(method: &str, find: &str, put: &str) -> Value {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let text = katalog();
    assert!(text.contains(find), "{find}");
    let mut editor = editor();
    editor.open(&path, &text);
    editor.at(method, &path, &text.replacen(find, put, 1))
}

const IMAGE: &str = "image: \"{{ vars.image }}\"";

#[test]
fn problems_of_unsaved_texts_come_and_go() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let mut editor = editor();
    editor.open(&path, &katalog().replacen("workers: 2", "worker: 2", 1));
    let found = editor.diagnostics(&path);
    assert_eq!(found.len(), 1, "{found:?}");
    let problem = &found[0];
    let line = katalog().lines().position(|line| line.contains("workers: 2")).unwrap();
    assert_eq!(problem["range"]["start"], json!({"line": line, "character": 6}), "{problem}");
    assert_eq!(problem["range"]["end"], json!({"line": line, "character": 12}), "{problem}");
    assert_eq!((problem["severity"].as_i64(), problem["source"].as_str()), (Some(1), Some("ork")));
    assert!(problem["code"].as_str().unwrap().starts_with("K02"), "{problem}");
    assert!(problem["message"].as_str().unwrap().contains("hint: did you mean `workers`?"), "{problem}");
    editor.change(&path, &katalog());
    assert_eq!(editor.diagnostics(&path), Vec::<Value>::new());
    // The file itself never had it.
    editor.close(&path);
    assert!(editor.end().success());
}

#[test]
fn an_older_spelling_can_be_mended_where_it_stands() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let text = katalog().replacen("operatorBox:", "reconciler:", 1);
    let line = text.lines().position(|line| line.contains("reconciler:")).unwrap();
    let mut editor = editor();
    editor.open(&path, &text);
    let place = json!({"line": line, "character": 8});
    let about = json!({"textDocument": {"uri": uri(&path)}, "range": {"start": place, "end": place}, "context": {"diagnostics": []}});
    let answer = editor.ask("textDocument/codeAction", about);
    let action = &answer["result"][0];
    assert_eq!(
        (action["kind"].as_str(), action["diagnostics"][0]["code"].as_str()),
        (Some("quickfix"), Some("K1802")),
        "{answer}"
    );
    let edits = &action["edit"]["changes"][uri(&path)];
    assert_eq!(edits[0]["newText"], "operatorBox", "{answer}");
    assert_eq!(edits[0]["range"]["start"]["line"], line, "{answer}");
    let elsewhere = json!({"line": 0, "character": 0});
    let about = json!({"textDocument": {"uri": uri(&path)}, "range": {"start": elsewhere, "end": elsewhere}, "context": {"diagnostics": []}});
    assert_eq!(editor.ask("textDocument/codeAction", about)["result"], json!([]));
}

#[test]
fn an_expression_says_what_it_costs() {
    let said = ask("textDocument/hover", IMAGE, "image: \"{{ vars.im‸age }}\"");
    let text = said["contents"]["value"].as_str().unwrap();
    assert!(text.contains("units at most"), "{text}");
}

#[test]
fn columns_are_units_of_utf_16() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let put = "image: \"é\u{1F600}{{ vars.imagee }}\"";
    let text = katalog().replacen(IMAGE, put, 1);
    let mut editor = editor();
    editor.open(&path, &text);
    let found = editor.diagnostics(&path);
    let line = text.lines().find(|line| line.contains("imagee")).unwrap();
    let start = line[..line.find("imagee").unwrap()].encode_utf16().count();
    assert_eq!(found[0]["range"]["start"]["character"], start, "{found:?}");
    assert_eq!(found[0]["range"]["end"]["character"], start + 6, "{found:?}");
}

#[test]
fn a_text_of_one_file_is_what_the_others_are_checked_with() {
    let pattern = Copy::new();
    let (katalog, crd) = (file(&pattern, "katalog.yaml"), file(&pattern, "crd.yaml"));
    let text = std::fs::read_to_string(&crd).unwrap();
    let mut editor = editor();
    editor.open(&crd, &text.replace("storageClass:", "storageKlass:"));
    let found = editor.diagnostics(&katalog);
    assert!(found[0]["message"].as_str().unwrap().contains("storageClass"), "{found:?}");
    editor.close(&crd);
    assert_eq!(editor.diagnostics(&katalog), Vec::<Value>::new());
}

#[test]
fn related_places_are_named_with_their_files() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let mut editor = editor();
    editor.open(&path, &katalog().replacen("- id: pods", "- id: svc", 1));
    let found = editor.diagnostics(&path);
    let problem = found.iter().find(|problem| !problem["relatedInformation"].is_null()).unwrap();
    assert_eq!(problem["relatedInformation"][0]["location"]["uri"], uri(&path), "{problem}");
}

#[test]
fn a_komposer_and_cases_are_checked_as_well() {
    let pattern = Copy::new();
    let komposer = file(&pattern, "komposer.yaml");
    let mut editor = editor();
    let text = std::fs::read_to_string(&komposer).unwrap();
    editor.open(&komposer, &text.replacen("kind: Komposer", "kind: Komposter", 1));
    assert_eq!(editor.diagnostics(&komposer).len(), 1);
    std::fs::create_dir(pattern.file("tests")).unwrap();
    let cases = file(&pattern, "tests").join("basic.yaml");
    editor.open(&cases, "name: é\nexpct: {}\n");
    let found = editor.diagnostics(&cases);
    assert_eq!(found[0]["range"]["start"], json!({"line": 1, "character": 0}), "{found:?}");
    assert!(found[0]["message"].as_str().unwrap().contains("did you mean `expect`?"), "{found:?}");
    let keys = labels(&editor.at("textDocument/completion", &cases, "name: a\nex‸\n"));
    assert!(keys.contains(&"expect".to_owned()), "{keys:?}");
}

#[test]
fn hover_says_what_stands_there() {
    let said = |find: &str, put: &str| {
        let answer = ask("textDocument/hover", find, put);
        answer["contents"]["value"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let image = |expression: &str| said(IMAGE, &format!("image: \"{{{{ {expression} }}}}\""));
    assert!(image("vars.im‸age").contains("vars.image: string"));
    assert!(image("spec.repl‸icas").contains("spec.replicas: int"));
    let crd = std::fs::read_to_string(postgres().join("crd.yaml")).unwrap();
    let described = image("string(spec.repl‸icas)");
    let words = crd.split("replicas:").nth(1).unwrap().split("description: ").nth(1).unwrap();
    let words: String = words.chars().take(12).collect();
    assert!(described.contains(&words), "{described}\n{words}");
    assert!(image("toLo‸wer(spec.version)").contains("a text with its ASCII letters in that case"));
    assert!(said("workers: 2", "work‸ers: 2").contains("number, 1 to 64"));
    assert!(said("workers: 2", "work‸er: 2").contains("**K02"));
    assert!(said("replicas: \"", "repli‸cas: \"").contains("desired"), "Kubernetes' own words");
}

#[test]
fn completion_offers_what_can_be_written() {
    let offered = |find: &str, put: &str| labels(&ask("textDocument/completion", find, put));
    let image = |expression: &str| offered(IMAGE, &format!("image: \"{{{{ {expression} }}}}\""));
    assert!(image("spec.‸").contains(&"replicas".to_owned()));
    assert_eq!(image("vars.‸"), ["authKey", "authSecret", "image"]);
    assert!(image("children.‸").contains(&"svc".to_owned()));
    assert!(image("‸").contains(&"toLower".to_owned()));
    // The closing braces and the closing quotation mark are still to be typed.
    assert!(offered(IMAGE, "image: \"{{ spec.‸").contains(&"replicas".to_owned()));
    assert!(offered("workers: 2", "‸").contains(&"restrictedNamespaces".to_owned()));
    let db = offered("serviceName: \"{{ metadata.name }}-pods\"", "‸");
    assert!(db.contains(&"podManagementPolicy".to_owned()) && !db.contains(&"replicas".to_owned()), "{db:?}");
    assert_eq!(offered("deletionPolicy: retain", "deletionPolicy: ‸"), ["delete", "retain"]);
}

#[test]
fn a_completion_replaces_what_was_begun() {
    let items = ask("textDocument/completion", IMAGE, "image: \"é\u{1F600}{{ spec.rep‸ }}\"");
    let item = items.as_array().unwrap().iter().find(|item| item["label"] == "replicas").unwrap();
    let line = "              image: \"é\u{1F600}{{ spec.rep";
    let end = line.encode_utf16().count();
    assert_eq!(item["textEdit"]["range"]["start"]["character"], end - 3, "{item}");
    assert_eq!(item["textEdit"]["range"]["end"]["character"], end, "{item}");
    assert_eq!(item["textEdit"]["newText"], "replicas");
    let keys = ask("textDocument/completion", "workers: 2", "work‸");
    let item = keys.as_array().unwrap().iter().find(|item| item["label"] == "workers").unwrap();
    assert_eq!(item["textEdit"]["newText"], "workers: ", "{item}");
}

#[test]
fn a_definition_leads_to_where_a_name_is_given() {
    let line = |text: &str, of: &str| text.lines().position(|line| line.contains(of)).unwrap();
    let to = |expression: &str| {
        let answer = ask("textDocument/definition", IMAGE, &format!("image: \"{{{{ {expression} }}}}\""));
        let name = answer["uri"].as_str().unwrap_or_else(|| panic!("{answer}")).rsplit('/').next().unwrap().to_owned();
        (name, answer["range"]["start"]["line"].as_u64().unwrap() as usize)
    };
    let text = katalog();
    assert_eq!(to("vars.im‸age"), ("katalog.yaml".to_owned(), line(&text, "image: \"{{ inputs")));
    assert_eq!(to("inputs.image‸Registry"), ("katalog.yaml".to_owned(), line(&text, "- name: imageRegistry")));
    assert_eq!(to("children.sv‸c.metadata.name"), ("katalog.yaml".to_owned(), line(&text, "- id: svc")));
    let crd = std::fs::read_to_string(postgres().join("crd.yaml")).unwrap();
    assert_eq!(to("string(spec.repl‸icas)"), ("crd.yaml".to_owned(), line(&crd, "replicas:")));
}

#[test]
fn a_katalog_has_an_outline() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let mut editor = editor();
    editor.open(&path, &katalog());
    let answer = editor.ask("textDocument/documentSymbol", json!({"textDocument": {"uri": uri(&path)}}));
    let names: Vec<_> = answer["result"].as_array().unwrap().iter().map(|symbol| symbol["name"].clone()).collect();
    assert_eq!(names, ["imageRegistry", "postgres"]);
    let inside = answer["result"][1]["children"].as_array().unwrap();
    assert!(inside.iter().any(|child| child["name"] == "db" && child["detail"] == "onReconcile.statefulSets"));
}

#[test]
fn any_text_is_answered() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let text = katalog();
    let mut editor = editor();
    editor.open(&path, &text);
    let ends = (0..text.len()).step_by(211).filter(|end| text.is_char_boundary(*end));
    let mut asked = 0;
    for end in ends {
        let begun = format!("{}‸", &text[..end]);
        for method in ["textDocument/hover", "textDocument/completion", "textDocument/definition"] {
            editor.at(method, &path, &begun);
            asked += 1;
        }
    }
    assert!(asked > 90, "{asked}");
    let odd = [
        "",
        "\u{feff}",
        "\u{0}",
        "{{{{",
        "a: &a [*a]",
        "- - - ?\n\t: é\u{1F600}",
        "%YAML 9\n---\n...\n",
        "'\r\n\r: \u{2028}",
    ];
    for odd in odd {
        editor.at("textDocument/completion", &path, &format!("{odd}‸"));
    }
    let large = "a: \"{{ b }}\"\n".repeat(100_000);
    editor.change(&path, &large);
    editor.at("textDocument/hover", &path, "a: ‸b\n");
    editor.change(&path, &text);
    assert!(editor.end().success());
}

#[test]
fn what_is_not_understood_is_refused_or_passed_over() {
    let mut editor = editor();
    let answer = editor.ask("textDocument/somethingElse", json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    let answer = editor.ask("textDocument/hover", json!({"textDocument": 7}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    editor.tell("$/cancelRequest", json!({"id": 99}));
    editor.tell("textDocument/didOpen", json!([1, 2]));
    editor.tell("something/else", json!({}));
    for uri in ["untitled:Untitled-1", "http://example.org/katalog.yaml", "file:///nowhere/katalog.yaml"] {
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": "a: b"});
        editor.tell("textDocument/didOpen", json!({"textDocument": document}));
        let params = json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 1}});
        let answer = editor.ask("textDocument/hover", params);
        assert!(answer.get("error").is_none(), "{answer}");
    }
    assert!(editor.end().success());
}

#[test]
fn who_goes_without_goodbye_is_told_by_the_status() {
    assert_eq!(editor().leave().code(), Some(1));
    assert_eq!(editor().hang_up().code(), Some(1));
    assert_eq!(Editor::silent(talk(&["lsp", "--stdio"])).hang_up().code(), Some(1));
}

#[test]
fn five_hundred_lines_are_checked_while_they_are_typed() {
    let pattern = Copy::new();
    let path = file(&pattern, "katalog.yaml");
    let text = long_katalog();
    assert!((500..520).contains(&text.lines().count()));
    let mut editor = editor();
    editor.open(&path, &text);
    assert_eq!(editor.diagnostics(&path), Vec::<Value>::new());
    let mut slowest = Duration::ZERO;
    for index in 0..3 {
        let begin = Instant::now();
        editor.change(&path, &text.replacen("# EDIT", &format!("edit{index}: 1"), 1));
        assert_eq!(editor.diagnostics(&path).len(), 1);
        slowest = slowest.max(begin.elapsed());
    }
    // Past the harness, which keeps back what a passing test prints.
    let _ = writeln!(std::io::stderr(), "500 lines: at most {slowest:?} from an edit to its diagnostics");
    assert!(slowest < HANGS, "{slowest:?}");
}
