//! A page as HTML: one file, without scripts and without anything from elsewhere, for screen and paper.
//!
//! Headings and landmarks are those of the text; words in another language carry it (WCAG 2.2, 3.1.2), and say so to
//! those who see the page too.

use super::{Entry, Line, Page, Said, Section, Tone};
use crate::diag::{Language, escape};

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}\
body{font:1.125rem/1.6 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;max-width:46rem;padding:1rem}\
h1{font-size:1.9rem;line-height:1.25;margin:.5rem 0 1rem}\
h2{font-size:1.4rem;line-height:1.3;margin:2.25rem 0 .75rem;padding-bottom:.25rem;border-bottom:.15rem solid #0b4f6c}\
h3{font-size:1.125rem;line-height:1.4;margin:0 0 .25rem}\
p{margin:.25rem 0;overflow-wrap:anywhere}h1,h2,h3{overflow-wrap:anywhere}\
article{border:1px solid #767676;border-left:.35rem solid #0b4f6c;border-radius:.25rem;padding:.75rem 1rem;margin:.75rem 0}\
.label{font-weight:600}.quote{border-left:.25rem solid #767676;padding-left:.75rem}\
.attention{background:#fff4d6;border-left:.25rem solid #7a4f00;padding:.25rem .75rem}\
.source{color:#4a4a4a;font-size:1rem}.mark{color:#4a4a4a}\
@page{size:A4;margin:18mm 16mm}\
@media print{body{max-width:none;padding:0;font-size:11pt;line-height:1.45}\
h1{font-size:18pt}h2{font-size:14pt;break-after:avoid}h3{font-size:11pt;break-after:avoid}\
article{break-inside:avoid;border-color:#767676}p{orphans:3;widows:3}.source{font-size:10pt}\
.attention{background:none}}";

/// The page as one HTML file.
pub fn to_html(page: &Page) -> String {
    let title = escape(&page.title);
    let lead: String = page.lead.iter().map(|one| line(one, page.language)).collect();
    let sections: String =
        page.sections.iter().enumerate().map(|(at, one)| section(at, one, page.language)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         {lead}{sections}</main>\n</body>\n</html>\n",
        page.language.as_str(),
    )
}

fn section(at: usize, section: &Section, language: Language) -> String {
    let entries: String = section.entries.iter().map(|one| entry(one, language)).collect();
    format!(
        "<section aria-labelledby=\"part-{at}\">\n<h2 id=\"part-{at}\">{}</h2>\n{entries}</section>\n",
        escape(&section.heading)
    )
}

fn entry(entry: &Entry, language: Language) -> String {
    let lines: String = entry.lines.iter().map(|one| line(one, language)).collect();
    match &entry.title {
        Some(title) => format!("<article>\n<h3>{}</h3>\n{lines}</article>\n", words(title, language)),
        None => lines,
    }
}

fn line(line: &Line, language: Language) -> String {
    let class = match line.tone {
        Tone::Plain => "",
        Tone::Quote => " class=\"quote\"",
        Tone::Attention => " class=\"attention\"",
        Tone::Source => " class=\"source\"",
    };
    let label = line.label.as_ref();
    let label =
        label.map_or_else(String::new, |label| format!("<span class=\"label\">{}:</span> ", escape(label)));
    format!("<p{class}>{label}{}</p>\n", words(&line.said, language))
}

/// Words with the language that they are in.
fn words(said: &Said, language: Language) -> String {
    let text = escape(&said.text);
    match (&said.language, said.mark(language)) {
        (Some(code), Some(mark)) => {
            format!("<span lang=\"{}\">{text}</span> <span class=\"mark\">({mark})</span>", escape(code))
        }
        _ => text,
    }
}
