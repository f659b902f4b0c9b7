//! What the expressions of a pattern cost at most, dearest first.

use std::fmt::Write as _;
use std::path::Path;

use orkestra_pattern::codes::bounds::{lacks, mend, units};
use orkestra_pattern::cost::{ASSUMED, CALL_LIMIT, EXPRESSION_LIMIT, Item, Summary};
use serde_json::{Value, json};

use crate::output::{escape, role};
use crate::pattern_dir::shown;

/// How many expressions of an entry the table has.
const ROWS: usize = 20;
/// The longest expression that is shown whole, in characters.
const LONGEST: usize = 60;

/// One line for an entry: its dearest expression and a whole reconcile.
pub(super) fn line(entry: &str, summary: &Summary) -> String {
    let conversion = match summary.conversion {
        Some(most) => format!(", a conversion at most {}", units(most)),
        None => String::new(),
    };
    let dearest = match summary.items.iter().filter(|item| !item.conversion).max_by_key(|item| item.cost.max) {
        Some(item) => format!("; the dearest expression {} ({})", units(item.cost.max), escape(&item.at)),
        None => String::new(),
    };
    format!("{}: a reconcile costs at most {}{conversion}{dearest}", escape(entry), units(summary.reconcile))
}

/// The table of an entry.
pub(super) fn table(dir: &Path, entry: &str, summary: &Summary) -> String {
    let mut text = format!("{b}{}{b:#}\n", line(entry, summary), b = role::NAME);
    let rows: Vec<[String; 4]> = summary.items.iter().take(ROWS).map(|item| row(dir, item)).collect();
    let head = ["COST", "PLACE", "EXPRESSION", "WHY"].map(str::to_owned);
    let width = |column: usize| {
        let cells =
            std::iter::once(&head).chain(&rows).map(|row| row.get(column).map_or(0, |cell| cell.chars().count()));
        cells.max().unwrap_or(0)
    };
    let (cost, place, source) = (width(0), width(1), width(2));
    for [a, b, c, d] in std::iter::once(&head).chain(&rows) {
        let line = format!("  {a:>cost$}  {b:<place$}  {c:<source$}  {d}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if summary.items.len() > ROWS {
        let _ = writeln!(text, "  {f}and {} that cost less{f:#}", summary.items.len() - ROWS, f = role::FAINT);
    }
    text
}

fn row(dir: &Path, item: &Item) -> [String; 4] {
    let number = units(item.most);
    let source: String = item.source.chars().take(LONGEST).collect();
    let source = if source.len() < item.source.len() { format!("{source}…") } else { source };
    let times = if item.times > 1 { format!(", {} times {}", units(item.cost.max), item.times) } else { String::new() };
    let missing: Vec<String> = item.missing.iter().take(1).map(lacks).collect();
    let missing = if missing.is_empty() { String::new() } else { format!("; {}", missing.join("; ")) };
    [
        number.strip_suffix(" units").unwrap_or(&number).to_owned(),
        escape(&shown(&dir.join(&item.at))).into_owned(),
        escape(&source).into_owned(),
        escape(&format!("{}{times}{missing}", item.what)).into_owned(),
    ]
}

/// The same for machines, whole where `all` is asked for.
pub(super) fn document(costs: &[(String, Summary)], all: bool) -> Value {
    let entries = costs.iter().map(|(entry, summary)| {
        let dearest = summary.items.iter().filter(|item| !item.conversion).max_by_key(|item| item.cost.max);
        let items = all.then(|| summary.items.iter().map(self::item).collect::<Vec<_>>());
        let mut document = json!({
            "entry": entry,
            "reconcile": summary.reconcile,
            "conversion": summary.conversion,
            "limit": CALL_LIMIT,
            "dearest": dearest.map(self::item),
        });
        if let (Some(items), Some(object)) = (items, document.as_object_mut()) {
            object.insert("expressions".to_owned(), Value::Array(items));
        }
        document
    });
    Value::Array(entries.collect())
}

fn item(item: &Item) -> Value {
    let missing = item.missing.iter().map(|missing| {
        json!({"path": missing.path, "keyword": missing.keyword, "cost": missing.cost, "mend": mend(missing)})
    });
    json!({
        "at": item.at, "expression": item.source, "what": item.what,
        "min": item.cost.min, "max": item.cost.max, "limit": EXPRESSION_LIMIT,
        "times": item.times, "most": item.most, "conversion": item.conversion,
        "missing": missing.collect::<Vec<_>>(),
    })
}

/// What the figures take for granted.
pub(super) fn assumed() -> String {
    format!(
        "by the largest values that the schemas allow, and {ASSUMED} objects or items where only others could bound their number"
    )
}
