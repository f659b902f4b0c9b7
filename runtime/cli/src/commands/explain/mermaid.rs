//! Graphs as a Mermaid flowchart.

use std::fmt::Write as _;

use super::facts::Facts;
use super::graph::{self, Graph, Kind, Node};

pub(super) fn of(facts: &Facts<'_>) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (number, entry) in facts.entries.iter().enumerate() {
        self::entry(&mut text, number, &graph::of(entry));
    }
    let rights = graph::rights(facts);
    if !rights.is_empty() {
        text.push_str("  subgraph rights[\"rights that its account needs\"]\n");
        for (number, lines) in rights.iter().enumerate() {
            let _ = writeln!(text, "    r{number}[\"{}\"]", label(lines));
        }
        text.push_str("  end\n");
    }
    text
}

fn entry(text: &mut String, number: usize, graph: &Graph) {
    let name = |at: usize| graph.nodes.get(at).map(|node| name(number, at, node)).unwrap_or_default();
    for (at, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            Kind::Primary => ("([", "])"),
            Kind::Read => ("[/", "/]"),
            Kind::Child => ("[", "]"),
            Kind::Last => ("{{", "}}"),
        };
        let _ = writeln!(text, "  {}{open}\"{}\"{close}", name(at), label(&node.lines));
    }
    for edge in &graph.edges {
        let arrow = if edge.dashed { "-.->" } else { "-->" };
        let word = if edge.word.is_empty() { String::new() } else { format!("|{}|", edge.word) };
        let _ = writeln!(text, "  {} {arrow}{word} {}", name(edge.from), name(edge.to));
    }
}

/// A name that Mermaid takes for one word. Ids of a pattern are such words; anything else is a number.
fn name(number: usize, at: usize, node: &Node) -> String {
    let is_word = !node.id.is_empty() && node.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match node.kind {
        Kind::Primary => format!("e{number}"),
        _ if !is_word => format!("e{number}n{at}"),
        Kind::Read => format!("e{number}r_{}", node.id),
        Kind::Child | Kind::Last => format!("e{number}_{}", node.id),
    }
}

/// Lines as a quoted label. Whatever is no plain letter, digit or blank is written by its number, so that no text of a pattern ends
/// the label, begins a Markdown string, or is taken for HTML.
fn label(lines: &[String]) -> String {
    let line = |line: &String| {
        let mut text = String::new();
        for character in line.chars() {
            match character {
                ' ' | '.' | ',' | ':' | '-' | '_' | '/' => text.push(character),
                character if character.is_alphanumeric() => text.push(character),
                // What cannot be shown is not drawn.
                character if character.is_control() => text.push('\u{fffd}'),
                character => {
                    let _ = write!(text, "#{};", u32::from(character));
                }
            }
        }
        text
    };
    lines.iter().map(line).collect::<Vec<_>>().join("<br>")
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{graph, texts};
    use super::*;

    #[test]
    fn a_label_is_quoted() {
        assert_eq!(label(&["a \"b\"".into(), "<i>`x`#1;".into()]), "a #34;b#34;<br>#60;i#62;#96;x#96;#35;1#59;");
    }

    /// One line a box and one an arrow, and in each exactly the two quotes of its label.
    #[test]
    fn no_text_of_a_pattern_ends_a_label() {
        for hostile in texts() {
            let graph = graph(&hostile);
            let mut text = String::new();
            entry(&mut text, 0, &graph);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), graph.nodes.len() + graph.edges.len(), "{hostile:?}\n{text}");
            let (boxes, arrows) = lines.split_at(graph.nodes.len());
            for line in boxes {
                let parts: Vec<&str> = line.split('"').collect();
                assert_eq!(parts.len(), 3, "{hostile:?}: {line}");
                let [name, label, end] = parts.as_slice() else { continue };
                let word = name.trim_start().trim_end_matches(['(', '[', '/', '{']);
                assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{line}");
                assert!(["])", "/]", "]", "}}"].contains(end), "{line}");
                let entities = label.replace("<br>", "");
                assert!(!entities.contains(['<', '>', '`', '&', '[', ']', '|']), "{line}");
            }
            assert!(arrows.iter().all(|line| !line.contains('"') && line.contains("->")), "{text}");
        }
    }
}
