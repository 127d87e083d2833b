//! Tables as text, Markdown and HTML.

use std::fmt::Write as _;

use super::document::{Document, Table};

/// For a terminal.
pub(super) fn text(of: &Document) -> String {
    let mut text = format!("\n{}\n", of.title);
    for warning in &of.warnings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  ! {warning}");
    }
    for table in &of.tables {
        let _ = writeln!(text, "\n{}", table.title);
        let widths = widths(table);
        let named = table.head.iter().any(|name| !name.is_empty() && name != "value");
        for row in named.then_some(&table.head).into_iter().chain(&table.rows) {
            let mut line = String::from(" ");
            for (at, cell) in row.iter().enumerate() {
                let width = widths.get(at).copied().unwrap_or(0);
                // The last column of a list of facts is a remark.
                let left = at == 0 || (!named && at == 2);
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                let _ =
                    if left { write!(line, " {cell}{pad}") } else { write!(line, "  {pad}{cell}") };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if !table.note.is_empty() {
            let _ = writeln!(text, "  ({})", table.note);
        }
    }
    text
}

fn widths(table: &Table) -> Vec<usize> {
    let mut widths = vec![0; table.head.len()];
    for row in std::iter::once(&table.head).chain(&table.rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths
}

/// As Markdown.
pub(super) fn markdown(of: &Document) -> String {
    let mut text = format!("# {}\n", of.title);
    for warning in &of.warnings {
        let _ = write!(text, "\n> {warning}\n");
    }
    let cell = |cell: &String| cell.replace('|', "\\|");
    for table in &of.tables {
        let _ = write!(text, "\n## {}\n\n", table.title);
        let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<String>>().join(" | ");
        let rule = |at: usize| if at == 0 { ":--" } else { "--:" };
        let rules: Vec<&str> = (0..table.head.len()).map(rule).collect();
        let _ = write!(text, "| {} |\n| {} |\n", line(&table.head), rules.join(" | "));
        for row in &table.rows {
            let _ = writeln!(text, "| {} |", line(row));
        }
        if !table.note.is_empty() {
            let _ = write!(text, "\n{}\n", table.note);
        }
    }
    text.push('\n');
    text
}

/// As a section of a page, `picture` being SVG.
pub(super) fn html(of: &Document, picture: &str) -> String {
    let mut text = format!("<section>\n<h1>{}</h1>\n", escaped(&of.title));
    for warning in &of.warnings {
        let _ = writeln!(text, "<p class=\"warn\">{}</p>", escaped(warning));
    }
    let _ = write!(text, "<figure>{picture}</figure>\n<div class=\"tables\">\n");
    for table in &of.tables {
        let wide = if table.head.len() > 3 { " class=\"wide\"" } else { "" };
        let _ = write!(text, "<article{wide}><h2>{}</h2><table>", escaped(&table.title));
        let named = table.head.iter().any(|name| !name.is_empty() && name != "value");
        if named {
            let _ = write!(text, "<thead><tr>{}</tr></thead>", cells(&table.head, "th"));
        }
        text.push_str("<tbody>");
        for (at, row) in table.rows.iter().enumerate() {
            let faint = if table.faint.contains(&at) { " class=\"faint\"" } else { "" };
            let _ = write!(text, "<tr{faint}>{}</tr>", cells(row, "td"));
        }
        text.push_str("</tbody></table>");
        if !table.note.is_empty() {
            let _ = write!(text, "<p class=\"note\">{}</p>", escaped(table.note));
        }
        text.push_str("</article>\n");
    }
    text.push_str("</div>\n</section>\n");
    text
}

fn cells(row: &[String], tag: &str) -> String {
    let cell = |text: &String| {
        let negative = text.starts_with('-');
        let class = if negative { " class=\"minus\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escaped(text))
    };
    row.iter().map(cell).collect()
}

/// The page around `body`.
pub(super) fn page(title: &str, body: &str) -> String {
    // BODY comes last: what it holds is not searched again.
    PAGE.replace("TITLE", &escaped(title)).replace("BODY", body)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const PAGE: &str = include_str!("page.html");
