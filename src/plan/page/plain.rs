//! A page as text for a terminal or a letter.

use super::{Line, Page, Tone};

/// The page as lines of text.
pub fn to_text(page: &Page) -> String {
    let language = page.language;
    let mut out = format!("{}\n", page.title);
    for line in &page.lead {
        push(&mut out, "  ", line, page);
    }
    for section in &page.sections {
        out.push_str(&format!("\n{}\n", section.heading));
        for entry in &section.entries {
            let indent = if entry.title.is_some() { "      " } else { "  " };
            if let Some(title) = &entry.title {
                out.push_str(&format!("  {}\n", title.marked(language)));
            }
            for line in &entry.lines {
                push(&mut out, indent, line, page);
            }
        }
    }
    out
}

fn push(out: &mut String, indent: &str, line: &Line, page: &Page) {
    let mark = if line.tone == Tone::Attention { "! " } else { "" };
    out.push_str(&format!("{indent}{mark}{}\n", line.text(page.language)));
}
