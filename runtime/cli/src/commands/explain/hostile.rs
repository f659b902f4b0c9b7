//! Texts that nobody wishes for, in a graph.

use super::graph::{Edge, Graph, Kind, Node};

/// Texts that end quotes, tags and lines, and some that are made of any characters.
pub(super) fn texts() -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        "web",
        "end",
        "\"",
        "]",
        "\"] --> x[\"",
        "<b>",
        "</text>",
        "<script>alert(1)</script>",
        "&",
        "&amp;",
        "&#60;",
        "#quot;",
        "`code`",
        "a\nb",
        "a\r\tb",
        "\u{0}\u{1b}[31m",
        "\u{202e}abc",
        "\u{fffe}\u{ffff}",
        "]]>",
        "<!--",
        "%%{init}%%",
        "|x|",
        "{{x}}",
        "日本",
        "'",
        "click x call y()",
        ";",
        "e0 --> e1",
    ]
    .map(str::to_owned)
    .into();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..500 {
        let mut text = String::new();
        for _ in 0..12 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let limit = match state % 3 {
                0 => 0x80,
                1 => 0x300,
                _ => 0x11_0000,
            };
            text.extend(u32::try_from((state >> 20) % limit).ok().and_then(char::from_u32));
        }
        all.push(text);
    }
    all
}

/// One box of each kind, with that text wherever a pattern's text can be.
pub(super) fn graph(text: &str) -> Graph {
    let node = |kind: Kind, layer: usize| Node {
        kind,
        id: text.to_owned(),
        lines: vec![format!("{text}: {text}"), format!("when {text}")],
        layer,
    };
    let nodes = vec![node(Kind::Primary, 0), node(Kind::Read, 0), node(Kind::Child, 1), node(Kind::Last, 2)];
    let edges = vec![
        Edge { from: 0, to: 2, word: "when", dashed: false },
        Edge { from: 1, to: 2, word: "", dashed: true },
        Edge { from: 2, to: 3, word: "at deletion", dashed: false },
    ];
    Graph { nodes, edges }
}
