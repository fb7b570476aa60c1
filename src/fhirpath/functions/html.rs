//! What markup a narrative may hold (FHIR R4, "Narrative": invariants txt-1 and txt-2).

use crate::tree::{Kind, NameTable, NodeId, Tree, xml};
use std::sync::{Arc, OnceLock};

/// Elements of HTML 4.0, chapters 7 to 11 (but section 4 of chapter 9) and 15, with `a`, `img` and `span`.
#[rustfmt::skip]
fn is_element(name: &str) -> bool {
    // A match is far faster than a walk over a list.
    matches!(
        name,
        "div" | "p" | "span" | "a" | "img" | "br" | "hr" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul"
        | "ol" | "li" | "dl" | "dt" | "dd" | "table" | "caption" | "colgroup" | "col" | "thead" | "tbody"
        | "tfoot" | "tr" | "th" | "td" | "pre" | "code" | "samp" | "var" | "kbd" | "cite" | "abbr"
        | "acronym" | "dfn" | "em" | "strong" | "b" | "i" | "big" | "small" | "tt" | "sub" | "sup" | "q"
        | "blockquote" | "address" | "bdo" | "ins" | "del" | "u" | "s" | "strike" | "font" | "center"
        | "map" | "area"
    )
}

/// Attributes that any of them may have.
#[rustfmt::skip]
fn is_attribute(name: &str) -> bool {
    // A match is far faster than a walk over a list.
    matches!(
        name,
        "title" | "style" | "class" | "id" | "idref" | "lang" | "xml:lang" | "dir" | "accesskey"
        | "tabindex" | "xmlns" | "align" | "valign" | "width" | "height" | "border" | "cellpadding"
        | "cellspacing" | "frame" | "rules" | "summary" | "span" | "colspan" | "rowspan" | "headers"
        | "scope" | "axis" | "abbr" | "char" | "charoff" | "nowrap" | "bgcolor" | "color" | "size" | "face"
        | "type" | "start" | "value" | "compact" | "cite" | "datetime" | "noshade" | "clear" | "name"
        | "href" | "hreflang" | "rel" | "rev" | "charset" | "shape" | "coords" | "target" | "src" | "alt"
        | "longdesc" | "usemap" | "ismap" | "hspace" | "vspace" | "nohref"
    )
}

/// Faults of one narrative that are told.
const FAULTS_MAX: usize = 100;

/// What is wrong with a narrative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkupFault {
    /// It is no well-formed XHTML.
    Syntax,
    /// It is no `div`.
    Root,
    /// It has an element that it may not have.
    Element(String),
    /// It has an attribute that it may not have.
    Attribute(String),
    /// It has nothing to read or see.
    Nothing,
    /// It is not in the namespace of XHTML.
    Namespace,
    /// It has a processing instruction.
    Instruction,
    /// It has an entity that neither XML nor HTML has.
    Entity,
    /// It has a link that runs a program.
    Script,
}

/// A narrative as a validator sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup {
    /// What is wrong with it, each fault once.
    pub faults: Vec<MarkupFault>,
    /// Ids and names that a link can lead to.
    pub ids: Vec<String>,
    /// Links within the document, without their `#`.
    pub links: Vec<String>,
    /// Contained images, by their ids.
    pub images: Vec<String>,
}

impl Markup {
    /// Looks at the text of a narrative, one `div` with all that is in it.
    pub fn read(text: &str) -> Self {
        static NAMES: OnceLock<Arc<NameTable>> = OnceLock::new();
        let names = NAMES.get_or_init(|| Arc::new(NameTable::new()));
        let mut markup = Self::default();
        let (text, is_known) = without_entities(text);
        if !is_known {
            markup.faults.push(MarkupFault::Entity);
        }
        match xml::read_owned(text, names) {
            Ok(tree) => markup.look(&tree),
            Err(_) => markup.faults.push(MarkupFault::Syntax),
        }
        markup
    }

    fn look(&mut self, tree: &Tree) {
        if plain_name(tree, NodeId::ROOT) != "div" {
            self.faults.push(MarkupFault::Root);
        }
        if !is_xhtml(tree) {
            self.faults.push(MarkupFault::Namespace);
        }
        for id in tree.descend(NodeId::ROOT) {
            let name = plain_name(tree, id);
            match tree.kind(id) {
                Kind::Attr => self.attribute(name.trim_start_matches('@'), &tree.text(id)),
                Kind::Object | Kind::Str if !is_element(name) => {
                    self.fault(MarkupFault::Element(name.to_owned()));
                }
                Kind::Pi => self.fault(MarkupFault::Instruction),
                _ => {}
            }
        }
        if !has_content(tree) {
            self.faults.push(MarkupFault::Nothing);
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        if !is_attribute(name) && !name.starts_with("xmlns:") {
            self.fault(MarkupFault::Attribute(name.to_owned()));
        }
        if is_program(value) && matches!(name, "href" | "src" | "cite" | "longdesc" | "usemap" | "style") {
            self.fault(MarkupFault::Script);
        }
        match name {
            "id" | "name" => self.ids.push(value.to_owned()),
            "href" => self.links.extend(value.strip_prefix('#').map(str::to_owned)),
            "src" => self.images.extend(value.strip_prefix('#').map(str::to_owned)),
            _ => {}
        }
    }

    fn fault(&mut self, fault: MarkupFault) {
        if self.faults.len() < FAULTS_MAX && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// True where the text is one `div` with nothing but allowed markup and with something to read or see.
pub(super) fn is_narrative(text: &str) -> bool {
    Markup::read(text).faults.is_empty()
}

/// True where the text would be a narrative within a `div`.
pub(super) fn is_fragment(text: &str) -> bool {
    is_narrative(&format!("<div xmlns=\"{XHTML_URI}\">{text}</div>"))
}

const XHTML_URI: &str = "http://www.w3.org/1999/xhtml";

/// True where the root is in the namespace of XHTML and nothing in it in another (FHIR R4, `Narrative.div`).
fn is_xhtml(tree: &Tree) -> bool {
    let is_declared = |id: &NodeId| {
        let name = tree.name_text(*id);
        tree.kind(*id) == Kind::Attr && (name == "@xmlns" || name.starts_with("@xmlns:"))
    };
    let root = tree.children(NodeId::ROOT).any(|id| is_declared(&id) && tree.text(id) == XHTML_URI);
    let is_other =
        |id: &NodeId| is_declared(id) && tree.name_text(*id) == "@xmlns" && tree.text(*id) != XHTML_URI;
    root && !tree.descend(NodeId::ROOT).any(|id| is_other(&id))
}

/// True for a link or a style that runs a program where it is shown. Readers of HTML pass over white space and control
/// characters in the scheme, and over the case of its letters.
fn is_program(value: &str) -> bool {
    let plain = value.chars().filter(|c| !c.is_whitespace() && !c.is_control());
    let plain: String = plain.map(|c| c.to_ascii_lowercase()).collect();
    ["javascript:", "vbscript:", "data:text/html", "expression("].iter().any(|sign| plain.contains(sign))
}

/// The name of an element or attribute, whatever the prefix of XHTML is.
fn plain_name(tree: &Tree, id: NodeId) -> &str {
    let name = tree.name_text(id);
    name.strip_prefix("xhtml:").unwrap_or(name)
}

/// A text with a letter for each named entity that XML does not have but HTML; and whether all others are of XML.
fn without_entities(text: &str) -> (String, bool) {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return (text.to_owned(), true);
    }
    let mut is_known = true;
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let end = part.find(';').filter(|end| (2..=ENTITY_CHARS_MAX).contains(end));
        let name = end.and_then(|end| part.get(..end)).filter(|name| is_foreign_entity(name));
        match name.and_then(|name| part.get(name.len() + 1..)) {
            Some(rest) => {
                is_known &= name.is_some_and(is_html_entity);
                out.push('x');
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    (out, is_known)
}

/// Letters of the longest name of an entity of HTML 4, `thetasym`.
const ENTITY_CHARS_MAX: usize = 8;

fn is_foreign_entity(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !matches!(name, "lt" | "gt" | "amp" | "quot" | "apos")
}

/// The entities of HTML 4 that XML does not have.
#[rustfmt::skip]
fn is_html_entity(name: &str) -> bool {
    matches!(
        name,
        "AElig" | "Aacute" | "Acirc" | "Agrave" | "Alpha" | "Aring" | "Atilde" | "Auml" | "Beta" | "Ccedil"
        | "Chi" | "Dagger" | "Delta" | "ETH" | "Eacute" | "Ecirc" | "Egrave" | "Epsilon" | "Eta" | "Euml"
        | "Gamma" | "Iacute" | "Icirc" | "Igrave" | "Iota" | "Iuml" | "Kappa" | "Lambda" | "Mu" | "Ntilde"
        | "Nu" | "OElig" | "Oacute" | "Ocirc" | "Ograve" | "Omega" | "Omicron" | "Oslash" | "Otilde"
        | "Ouml" | "Phi" | "Pi" | "Prime" | "Psi" | "Rho" | "Scaron" | "Sigma" | "THORN" | "Tau" | "Theta"
        | "Uacute" | "Ucirc" | "Ugrave" | "Upsilon" | "Uuml" | "Xi" | "Yacute" | "Yuml" | "Zeta" | "aacute"
        | "acirc" | "acute" | "aelig" | "agrave" | "alefsym" | "alpha" | "and" | "ang" | "aring" | "asymp"
        | "atilde" | "auml" | "bdquo" | "beta" | "brvbar" | "bull" | "cap" | "ccedil" | "cedil" | "cent"
        | "chi" | "circ" | "clubs" | "cong" | "copy" | "crarr" | "cup" | "curren" | "dArr" | "dagger"
        | "darr" | "deg" | "delta" | "diams" | "divide" | "eacute" | "ecirc" | "egrave" | "empty" | "emsp"
        | "ensp" | "epsilon" | "equiv" | "eta" | "eth" | "euml" | "euro" | "exist" | "fnof" | "forall"
        | "frac12" | "frac14" | "frac34" | "frasl" | "gamma" | "ge" | "hArr" | "harr" | "hearts" | "hellip"
        | "iacute" | "icirc" | "iexcl" | "igrave" | "image" | "infin" | "int" | "iota" | "iquest" | "isin"
        | "iuml" | "kappa" | "lArr" | "lambda" | "lang" | "laquo" | "larr" | "lceil" | "ldquo" | "le"
        | "lfloor" | "lowast" | "loz" | "lrm" | "lsaquo" | "lsquo" | "macr" | "mdash" | "micro" | "middot"
        | "minus" | "mu" | "nabla" | "nbsp" | "ndash" | "ne" | "ni" | "not" | "notin" | "nsub" | "ntilde"
        | "nu" | "oacute" | "ocirc" | "oelig" | "ograve" | "oline" | "omega" | "omicron" | "oplus" | "or"
        | "ordf" | "ordm" | "oslash" | "otilde" | "otimes" | "ouml" | "para" | "part" | "permil" | "perp"
        | "phi" | "pi" | "piv" | "plusmn" | "pound" | "prime" | "prod" | "prop" | "psi" | "rArr" | "radic"
        | "rang" | "raquo" | "rarr" | "rceil" | "rdquo" | "real" | "reg" | "rfloor" | "rho" | "rlm"
        | "rsaquo" | "rsquo" | "sbquo" | "scaron" | "sdot" | "sect" | "shy" | "sigma" | "sigmaf" | "sim"
        | "spades" | "sub" | "sube" | "sum" | "sup" | "sup1" | "sup2" | "sup3" | "supe" | "szlig" | "tau"
        | "there4" | "theta" | "thetasym" | "thinsp" | "thorn" | "tilde" | "times" | "trade" | "uArr"
        | "uacute" | "uarr" | "ucirc" | "ugrave" | "uml" | "upsih" | "upsilon" | "uuml" | "weierp" | "xi"
        | "yacute" | "yen" | "yuml" | "zeta" | "zwj" | "zwnj"
    )
}

/// Something to read, or an image.
fn has_content(tree: &Tree) -> bool {
    let readable = |id: NodeId| match tree.kind(id) {
        Kind::Str | Kind::Text => !tree.text(id).trim().is_empty(),
        Kind::Object => plain_name(tree, id) == "img",
        _ => false,
    };
    tree.descend(NodeId::ROOT).any(readable)
}
