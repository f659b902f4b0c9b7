//! Graphs as one SVG: static, without scripts, fonts or anything else from elsewhere, in colours for light and dark.
//!
//! The layout is that of the steps: what is applied together is one row, and rows go down. A crate that lays out graphs would bring
//! more code than this, and none that is kept up is small; boxes in rows need no more than their sizes.

use std::fmt::Write as _;

use super::facts::Facts;
use super::graph::{self, Graph, Kind};

/// Sizes in pixels.
const LINE: usize = 18;
const LETTER: usize = 8;
const PADDING: usize = 12;
const GAP: usize = 28;
const ROW: usize = 56;
const MARGIN: usize = 24;
/// The longest line of a box, and of a right, in characters.
const LONGEST: usize = 52;
const LONGEST_RIGHT: usize = 110;

const STYLE: &str = "svg{background:#fff}text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}\
.h{font-weight:bold}.f{fill:#59636e}rect{fill:#f6f8fa;stroke:#59636e}.p{fill:#ddf4ff;stroke:#0969da}.r{stroke-dasharray:5 4}\
.l{fill:#fff1e5;stroke:#bc4c00}path{fill:none;stroke:#59636e}.d{stroke-dasharray:5 4}.a{fill:#59636e;stroke:none}\
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.f{fill:#9198a1}rect{fill:#161b22;stroke:#9198a1}\
.p{fill:#121d2f;stroke:#4493f8}.l{fill:#2a1a0c;stroke:#db6d28}path{stroke:#9198a1}.a{fill:#9198a1}}";

/// A box with its place.
struct Placed {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

pub(super) fn of(facts: &Facts<'_>) -> String {
    let mut body = String::new();
    let (mut y, mut width) = (MARGIN, 0);
    let title = format!("{} {}", facts.pattern.name, facts.pattern.version);
    line(&mut body, MARGIN, &mut y, "h", &title, LONGEST_RIGHT);
    for entry in &facts.entries {
        let graph = graph::of(entry);
        y += LINE;
        line(&mut body, MARGIN, &mut y, "h", &format!("entry {}", entry.entry.name), LONGEST);
        let (right, bottom) = draw(&mut body, &graph, y + LINE);
        width = width.max(right);
        y = bottom + LINE;
    }
    let rights = graph::rights(facts);
    if !rights.is_empty() {
        y += LINE;
        line(&mut body, MARGIN, &mut y, "h", "rights that its account needs", LONGEST);
        for lines in rights {
            for (number, text) in lines.iter().enumerate() {
                let (x, class) = if number == 0 { (MARGIN, "t") } else { (2 * MARGIN, "f") };
                line(&mut body, x, &mut y, class, text, LONGEST_RIGHT);
                width = width.max(x + letters(text).min(LONGEST_RIGHT) * LETTER);
            }
        }
    }
    document(&title, width.max(letters(&title) * LETTER) + 2 * MARGIN, y + MARGIN, &body)
}

fn document(title: &str, width: usize, height: usize, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path class=\"a\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n{body}</svg>\n",
        escape(title)
    )
}

/// One line of text, and the place of the next.
fn line(body: &mut String, x: usize, y: &mut usize, class: &str, text: &str, longest: usize) {
    *y += LINE;
    let _ = writeln!(body, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escape(&short(text, longest)));
}

/// Draws a graph below a line, and gives its right and lower ends.
fn draw(body: &mut String, graph: &Graph, top: usize) -> (usize, usize) {
    let placed = place(graph, top);
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (placed.get(edge.from), placed.get(edge.to)) else { continue };
        let (x, y) = (from.x + from.width / 2, from.y + from.height);
        let (to_x, to_y) = (to.x + to.width / 2, to.y);
        // Boxes of one row are joined at their lower and upper sides as well: the curve goes around.
        let bend = (to_y.saturating_sub(y) / 2).max(ROW / 2);
        let class = if edge.dashed { " class=\"d\"" } else { "" };
        let _ = writeln!(
            body,
            "<path{class} marker-end=\"url(#to)\" d=\"M{x} {y}C{x} {} {to_x} {} {to_x} {to_y}\"/>",
            y + bend,
            to_y.saturating_sub(bend),
        );
    }
    for (node, place) in graph.nodes.iter().zip(&placed) {
        let class = match node.kind {
            Kind::Primary => "p",
            Kind::Read => "r",
            Kind::Child => "c",
            Kind::Last => "l",
        };
        let Placed { x, y, width, height } = place;
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
        let mut below = y + PADDING / 2;
        for (number, text) in node.lines.iter().enumerate() {
            line(body, x + PADDING, &mut below, if number == 0 { "h" } else { "f" }, text, LONGEST);
        }
    }
    let right = placed.iter().map(|place| place.x + place.width).max().unwrap_or(0);
    (right, placed.iter().map(|place| place.y + place.height).max().unwrap_or(top))
}

/// The boxes in rows. In each they stand in the order of what they use, so that few arrows cross.
fn place(graph: &Graph, top: usize) -> Vec<Placed> {
    let mut placed: Vec<Placed> = graph
        .nodes
        .iter()
        .map(|node| {
            let longest = node.lines.iter().map(|line| letters(line).min(LONGEST)).max().unwrap_or(0);
            Placed { x: 0, y: 0, width: longest * LETTER + 2 * PADDING, height: node.lines.len() * LINE + 2 * PADDING }
        })
        .collect();
    let last = graph.nodes.iter().map(|node| node.layer).max().unwrap_or(0);
    let mut y = top;
    for layer in 0..=last {
        let mut row: Vec<(usize, usize)> = Vec::new();
        for (number, _) in graph.nodes.iter().enumerate().filter(|(_, node)| node.layer == layer) {
            let above = graph.edges.iter().filter(|edge| edge.to == number).filter_map(|edge| placed.get(edge.from));
            let (sum, count) = above.fold((0, 0), |(sum, count), place| (sum + place.x + place.width / 2, count + 1));
            row.push((sum.checked_div(count).unwrap_or(0), number));
        }
        row.sort_unstable();
        let (mut x, mut height) = (MARGIN, 0);
        for (_, number) in &row {
            if let Some(place) = placed.get_mut(*number) {
                (place.x, place.y) = (x, y);
                x += place.width + GAP;
                height = height.max(place.height);
            }
        }
        if !row.is_empty() {
            y += height + ROW;
        }
    }
    placed
}

/// How wide a text is, in letters: those of East Asia and most signs beyond take two.
fn letters(text: &str) -> usize {
    text.chars().map(|letter| if u32::from(letter) < 0x1100 { 1 } else { 2 }).sum()
}

fn short(text: &str, longest: usize) -> String {
    if letters(text) <= longest {
        return text.to_owned();
    }
    let mut width = 1;
    let fits = |letter: &char| {
        width += if u32::from(*letter) < 0x1100 { 1 } else { 2 };
        width <= longest
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// Text of XML: what means something there by name, and a sign for what may not stand in it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in crate::output::escape(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            character if character.is_control() || matches!(u32::from(character) & 0xffff, 0xfffe | 0xffff) => {
                escaped.push('\u{fffd}');
            }
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{graph, texts};
    use super::*;

    /// Reads XML as far as this writer uses it, and gives the text between its tags.
    fn text_of(xml: &str) -> Result<String, String> {
        let (mut open, mut text, mut rest) = (Vec::new(), String::new(), xml);
        while let Some(at) = rest.find(['<', '&']) {
            let (before, after) = rest.split_at(at);
            if before.contains('>') {
                return Err(format!("a `>` in {before:?}"));
            }
            text.push_str(before);
            if let Some(entity) = after.strip_prefix('&') {
                let (name, after) = entity.split_once(';').ok_or("an entity without an end")?;
                if !["amp", "lt", "gt", "quot", "apos"].contains(&name) {
                    return Err(format!("an unknown entity {name:?}"));
                }
                rest = after;
                continue;
            }
            let (tag, after) =
                after.strip_prefix('<').and_then(|tag| tag.split_once('>')).ok_or("a tag without an end")?;
            if tag.contains('<') || tag.matches('"').count() % 2 != 0 {
                return Err(format!("the tag {tag:?}"));
            }
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name) {
                    return Err(format!("`{name}` is closed, and was not open"));
                }
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap_or_default());
            }
        }
        if !open.is_empty() || !rest.trim().is_empty() {
            return Err(format!("open at the end: {open:?} {rest:?}"));
        }
        if xml.chars().any(|character| character.is_control() && character != '\n') {
            return Err("a control character".to_owned());
        }
        Ok(text)
    }

    #[test]
    fn any_text_gives_well_formed_xml() {
        for hostile in texts() {
            let mut body = String::new();
            let (width, height) = draw(&mut body, &graph(&hostile), 0);
            let xml = document(&hostile, width, height, &body);
            let found = text_of(&xml);
            assert!(found.as_ref().is_ok_and(|text| !text.is_empty()), "{hostile:?}: {found:?}\n{xml}");
            assert!(!xml.contains("<script"), "{hostile:?}");
            assert_eq!(xml.matches("<rect").count(), 4, "{hostile:?}");
        }
    }

    #[test]
    fn boxes_of_a_row_do_not_overlap() {
        let graph = graph("a name that is rather long, and then longer");
        let placed = place(&graph, 0);
        for (number, one) in placed.iter().enumerate() {
            for other in placed.iter().skip(number + 1) {
                let beside = one.x + one.width <= other.x || other.x + other.width <= one.x;
                let below = one.y + one.height <= other.y || other.y + other.height <= one.y;
                assert!(beside || below);
            }
        }
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(short("abcdef", 4), "abc…");
        assert_eq!(short("abcd", 4), "abcd");
        assert_eq!(letters("日本"), 4);
    }
}
