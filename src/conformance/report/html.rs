//! The run as a page for people: one file, without scripts and without anything from elsewhere, for screen and paper.
//!
//! The order is that of the reader's questions: how it went, what failed, what was not checked, each finding, with what
//! it was checked. What only exists in English is marked so (WCAG 2.2, 3.1.2).

use super::words::Words;
use super::{Document, Finding, Run, Task, VERSION, Verdict, code_url};
use crate::diag::escape;
use crate::diag::{Language, Severity, codes, translated};

/// Findings that the page lists one by one; no browser shows many more well, and the other reports have all.
const LISTED_MAX: usize = 5_000;
/// Documents that failed that are listed.
const FAILED_MAX: usize = 2_000;

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}\
body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;max-width:72rem;padding:1rem}\
h1{font-size:1.6rem;line-height:1.25;border-left:.5rem solid;padding-left:.75rem}\
h1.pass{border-color:#1b6e3c}h1.warn,h1.untested{border-color:#8a5a00}h1.fail,h1.error{border-color:#a4161a}\
h2{font-size:1.3rem;margin-top:2rem}h3{font-size:1.1rem;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;margin:.5rem 0}caption{text-align:left;padding:.25rem 0}\
th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{background:#f2f2f2}td.n{text-align:right}\
.error{color:#a4161a}.warning{color:#7a4f00}h1.error{color:inherit}\
code,pre{font-family:ui-monospace,monospace;font-size:.9rem}pre{white-space:pre-wrap;margin:.25rem 0}\
dt{font-weight:600}dd{margin:0 0 .5rem 0;overflow-wrap:anywhere}a{color:#0b4f9e}\
@media print{body{max-width:none;padding:0;font-size:10pt}a{color:inherit;text-decoration:none}\
h2,h3{break-after:avoid}tr{break-inside:avoid}thead{display:table-header-group}}";

/// The page.
pub fn html(run: &Run, language: Language) -> String {
    let page = Page { run, language, words: Words::of(language) };
    let sentence = escape(&page.sentence());
    let sections = [
        section("failed", page.words.failed, &page.failed()),
        section("not-checked", page.words.not_checked, &page.not_checked()),
        section("details", page.words.details, &page.details()),
        section("environment", page.words.environment, &page.environment()),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">\n\
         <title>{sentence}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1 class=\"{}\">{sentence}</h1>\n{}</main>\n</body>\n</html>\n",
        page.words.tag,
        run.verdict(),
        sections.concat()
    )
}

fn section(id: &str, heading: &str, body: &str) -> String {
    format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{body}</section>\n")
}

struct Page<'a> {
    run: &'a Run,
    language: Language,
    words: &'static Words,
}

impl Page<'_> {
    /// How it went, in one sentence.
    fn sentence(&self) -> String {
        match self.run.task {
            Task::Tests | Task::Check | Task::Registry => self.sentence_of_tests(),
            Task::Validation => self.sentence_of_documents(),
        }
    }

    fn sentence_of_tests(&self) -> String {
        let counts = self.run.counts;
        let (passed, failed) = (counts.passed + counts.warned, counts.failed);
        let (broken, skipped) = (counts.unreadable, counts.not_applicable);
        match self.language {
            Language::Fi => format!(
                "Testejä läpi: {passed}; ei läpi: {failed}, ei voitu ajaa: {broken}, ei koske palvelinta: {skipped}."
            ),
            Language::Sv => format!(
                "Godkända test: {passed}; underkända: {failed}, kunde inte köras: {broken}, gäller inte servern: {skipped}."
            ),
            Language::En => format!(
                "Tests passed: {passed}; failed: {failed}, could not be run: {broken}, not applicable: {skipped}."
            ),
        }
    }

    fn sentence_of_documents(&self) -> String {
        let counts = self.run.counts;
        let (all, bad) = (counts.documents, counts.bad());
        let (errors, warnings) = (counts.errors, counts.warnings);
        let is_clean = bad == 0 && self.run.baseline.is_empty();
        match self.language {
            _ if all == 0 => match self.language {
                Language::Fi => "Mitään ei tarkistettu: asiakirjoja ei ollut.".to_owned(),
                Language::Sv => "Inget kontrollerades: det fanns inga dokument.".to_owned(),
                Language::En => "Nothing was checked: there was no document.".to_owned(),
            },
            Language::Fi if is_clean => format!("Kaikki kelpaa: {all} asiakirjaa, {warnings} varoitusta."),
            Language::Sv if is_clean => format!("Allt godkänt: {all} dokument, {warnings} varningar."),
            Language::En if is_clean => format!("All is valid: {all} documents, {warnings} warnings."),
            Language::Fi => {
                format!("{all} asiakirjasta {bad} ei kelpaa: {errors} virhettä, {warnings} varoitusta.")
            }
            Language::Sv => {
                format!("{bad} av {all} dokument underkändes: {errors} fel, {warnings} varningar.")
            }
            Language::En => {
                format!("{bad} of {all} documents not valid: {errors} errors, {warnings} warnings.")
            }
        }
    }

    fn failed(&self) -> String {
        let words = self.words;
        let is_bad = |document: &&Document| matches!(document.verdict, Verdict::Fail | Verdict::Error);
        let row = |document: &Document| {
            let count = |severity| document.findings.iter().filter(|f| f.severity == severity).count();
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                escape(&document.name()),
                self.verdict(document.verdict),
                count(Severity::Error),
                count(Severity::Warning)
            )
        };
        let rows: String = self.run.documents.iter().filter(is_bad).take(FAILED_MAX).map(row).collect();
        let mut out = if rows.is_empty() {
            format!("<p>{}</p>\n", words.nothing_failed)
        } else {
            let heads = [
                words.document,
                words.verdict,
                words.severity(Severity::Error),
                words.severity(Severity::Warning),
            ];
            table(words.failed, &heads, &rows)
        };
        if !self.run.baseline.is_empty() {
            out.push_str(&format!("<h3>{}</h3>\n", words.baseline));
            let rows: String = self.run.baseline.iter().map(|finding| self.finding(finding)).collect();
            out.push_str(&self.findings(words.baseline, &rows));
        }
        out
    }

    fn not_checked(&self) -> String {
        let words = self.words;
        if self.run.not_checked.is_empty() {
            return format!("<p>{}</p>\n", words.all_checked);
        }
        let rows: String = self
            .run
            .not_checked
            .iter()
            .map(|((kind, name), count)| {
                format!(
                    "<tr><td>{}</td><td><code>{}</code></td><td class=\"n\">{count}</td></tr>\n",
                    escape(translated(kind, self.language)),
                    escape(name)
                )
            })
            .collect();
        let heads = [words.kind, words.name, words.times];
        format!("<p>{}</p>\n{}", words.why_not_checked, table(words.not_checked, &heads, &rows))
    }

    fn details(&self) -> String {
        let mut out = String::new();
        let mut left = LISTED_MAX;
        for document in self.run.documents.iter().filter(|document| !document.findings.is_empty()) {
            let listed = document.findings.len().min(left);
            left -= listed;
            if listed == 0 {
                break;
            }
            let name = escape(&document.name());
            let rows: String = document.findings.iter().take(listed).map(|f| self.finding(f)).collect();
            out.push_str(&format!("<h3>{name}</h3>\n{}", self.findings(&name, &rows)));
        }
        let counts = self.run.counts;
        let found: usize = self.run.documents.iter().map(|document| document.findings.len()).sum();
        let unlisted = counts.left_out + found - (LISTED_MAX - left);
        for (label, count) in [(self.words.left_out, unlisted), (self.words.known, counts.known)] {
            if count > 0 {
                out.push_str(&format!("<p>{label}: {count}</p>\n"));
            }
        }
        if out.is_empty() { format!("<p>{}</p>\n", self.words.no_details) } else { out }
    }

    fn findings(&self, caption: &str, rows: &str) -> String {
        let words = self.words;
        table(caption, &[words.place, words.severity, words.code, words.finding, words.what_to_do], rows)
    }

    fn finding(&self, finding: &Finding) -> String {
        let (words, english) = (self.words, self.english());
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            (Some(line), None) => line.to_string(),
            (None, _) => "–".to_owned(),
        };
        let code = codes::find(finding.code);
        let title = code.map_or(finding.title, |code| code.title_in(self.language));
        let spoken = finding.spoken.as_ref().filter(|spoken| spoken.language == self.language);
        // Without a translation of its own, advice that is the code's is in every language.
        let general = code.filter(|code| finding.help == code.help).map(|code| code.help_in(self.language));
        let help = spoken.and_then(|spoken| spoken.help.as_deref()).or(general);
        let (help, help_lang) = help.map_or((finding.help.as_str(), english.as_str()), |help| (help, ""));
        let message = spoken.and_then(|spoken| spoken.message.as_deref());
        let (message, message_lang) =
            message.map_or((finding.message.as_str(), english.as_str()), |message| (message, ""));
        let mut said = format!("<strong>{}</strong>", escape(title));
        if message != title && finding.message != finding.title {
            said.push_str(&format!("<br><span{message_lang}>{}</span>", escape(message)));
        }
        let more = [
            (words.element, Some(&finding.path).filter(|path| !path.is_empty())),
            (words.rule, finding.rule.as_ref()),
            (words.value, finding.value.as_ref()),
        ];
        for (label, text) in more {
            if let Some(text) = text {
                said.push_str(&format!("<br>{label}: <code>{}</code>", escape(text)));
            }
        }
        if let Some(source) = finding.source.as_ref().filter(|_| finding.shows_values) {
            said.push_str(&format!("<pre>{}</pre>", escape(source)));
        }
        format!(
            "<tr><td>{place}</td><td class=\"{}\">{}</td><td><a href=\"{}\">{}</a></td><td>{said}</td>\
             <td{help_lang}>{}</td></tr>\n",
            finding.severity.as_str(),
            words.severity(finding.severity),
            escape(&code_url(finding.code)),
            finding.code,
            escape(help)
        )
    }

    fn environment(&self) -> String {
        let (run, words) = (self.run, self.words);
        let mut out = String::from("<dl>\n");
        let mut say = |label: &str, text: &str| {
            if !text.is_empty() {
                out.push_str(&format!("<dt>{label}</dt><dd>{}</dd>\n", escape(text)));
            }
        };
        say(words.version, VERSION);
        say(words.time, &run.time);
        say(words.against, &run.against);
        say(words.profiles, &run.profiles.join(", "));
        say(words.fail_on, words.severity(run.fail_on.unwrap_or(Severity::Error)));
        out.push_str("</dl>\n");
        if run.packages.is_empty() {
            return out;
        }
        let row = |package: &super::Package| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td><code>{}</code></td></tr>\n",
                escape(&package.name),
                escape(&package.version),
                escape(&package.sha256)
            )
        };
        let rows: String = run.packages.iter().map(row).collect();
        out + &table(words.packages, &[words.name, words.package_version, "SHA-256"], &rows)
    }

    const fn verdict(&self, verdict: Verdict) -> &'static str {
        let [pass, warn, fail, error, skip] = match self.run.task {
            Task::Validation => self.words.verdicts,
            Task::Tests | Task::Check | Task::Registry => self.words.verdicts_of_tests,
        };
        match verdict {
            Verdict::Skip => skip,
            Verdict::Pass => pass,
            Verdict::Warn => warn,
            Verdict::Fail => fail,
            Verdict::Error => error,
        }
    }

    /// Marks text that is English on a page that is not.
    fn english(&self) -> String {
        if self.language == Language::En { String::new() } else { " lang=\"en\"".to_owned() }
    }
}

/// A table; the caption must be escaped already.
fn table(caption: &str, heads: &[&str], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    format!(
        "<table>\n<caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Spoken, samples};
    use super::*;

    #[test]
    fn the_order_is_that_of_the_readers_questions() {
        for language in [Language::Fi, Language::Sv, Language::En] {
            let page = html(&samples::run(), language);
            let words = Words::of(language);
            let heads = [words.failed, words.not_checked, words.details, words.environment];
            let places: Vec<Option<usize>> =
                heads.iter().map(|head| page.find(&format!(">{head}</h2>"))).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
            assert!(page.contains(&format!("<html lang=\"{}\">", words.tag)));
        }
    }

    #[test]
    fn text_of_findings_is_no_markup() {
        let page = html(&samples::run(), Language::En);
        assert!(page.contains("the code is not in &lt;a&gt; &amp; &quot;b&quot;"));
        assert!(page.contains("<title>2 of 4 documents not valid: 3 errors, 1 warnings.</title>"));
        assert!(!page.contains("<script") && !page.contains("<a>"));
    }

    #[test]
    fn only_what_has_no_translation_is_marked_as_english() {
        let mut run = samples::run();
        assert!(html(&run, Language::Fi).contains("<span lang=\"en\">the code is not"));
        for finding in run.documents.iter_mut().flat_map(|document| &mut document.findings) {
            finding.spoken = Some(Box::new(Spoken {
                language: Language::Fi,
                title: "",
                message: Some("koodia ei ole".to_owned()),
                help: Some("valitse koodi".to_owned()),
            }));
        }
        let page = html(&run, Language::Fi);
        assert!(
            page.contains("<span>koodia ei ole</span></td>")
                || page.contains("<span>koodia ei ole</span><br>")
        );
        assert!(page.contains("<td>valitse koodi</td>") && page.contains("<td>koodisto</td>"));
        assert!(!page.contains("lang=\"en\""));
        assert!(html(&run, Language::Sv).contains("<span lang=\"en\">the code is not"));
    }

    #[test]
    fn an_empty_run_says_so() {
        assert!(html(&Run::default(), Language::Fi).contains("Mitään ei tarkistettu"));
    }
}
