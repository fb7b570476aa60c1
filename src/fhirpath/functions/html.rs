//! What markup a narrative may hold (FHIR R4, "Narrative": invariants txt-1 and txt-2).

use crate::tree::{Kind, NameTable, NodeId, Tree, xml};
use std::sync::{Arc, OnceLock};

/// Elements of HTML 4.0, chapters 7 to 11 (but section 4 of chapter 9) and 15, with `a`, `img` and `span`.
const ELEMENTS: &[&str] = &[
    "div",
    "p",
    "span",
    "a",
    "img",
    "br",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "colgroup",
    "col",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
    "td",
    "pre",
    "code",
    "samp",
    "var",
    "kbd",
    "cite",
    "abbr",
    "acronym",
    "dfn",
    "em",
    "strong",
    "b",
    "i",
    "big",
    "small",
    "tt",
    "sub",
    "sup",
    "q",
    "blockquote",
    "address",
    "bdo",
    "ins",
    "del",
    "u",
    "s",
    "strike",
    "font",
    "center",
    "map",
    "area",
];

/// Attributes that any of them may have.
const ATTRIBUTES: &[&str] = &[
    "title",
    "style",
    "class",
    "id",
    "idref",
    "lang",
    "xml:lang",
    "dir",
    "accesskey",
    "tabindex",
    "xmlns",
    "align",
    "valign",
    "width",
    "height",
    "border",
    "cellpadding",
    "cellspacing",
    "frame",
    "rules",
    "summary",
    "span",
    "colspan",
    "rowspan",
    "headers",
    "scope",
    "axis",
    "abbr",
    "char",
    "charoff",
    "nowrap",
    "bgcolor",
    "color",
    "size",
    "face",
    "type",
    "start",
    "value",
    "compact",
    "cite",
    "datetime",
    "noshade",
    "clear",
    "name",
    "href",
    "hreflang",
    "rel",
    "rev",
    "charset",
    "shape",
    "coords",
    "target",
    "src",
    "alt",
    "longdesc",
    "usemap",
    "ismap",
    "hspace",
    "vspace",
    "nohref",
];

/// True where the text is one `div` with nothing but allowed markup and with something to read or see.
pub(super) fn is_narrative(text: &str) -> bool {
    static NAMES: OnceLock<Arc<NameTable>> = OnceLock::new();
    let names = NAMES.get_or_init(|| Arc::new(NameTable::new()));
    let Ok(tree) = xml::read(text, names) else { return false };
    is_allowed(&tree)
}

/// True where the text would be a narrative within a `div`.
pub(super) fn is_fragment(text: &str) -> bool {
    is_narrative(&format!("<div>{text}</div>"))
}

fn is_allowed(tree: &Tree) -> bool {
    let plain = |id: NodeId| {
        let name = tree.name_text(id);
        name.strip_prefix("xhtml:").unwrap_or(name).to_owned()
    };
    let allowed = |id: NodeId| match tree.kind(id) {
        Kind::Attr => {
            let name = plain(id);
            let name = name.strip_prefix('@').unwrap_or(&name);
            ATTRIBUTES.contains(&name) || name.starts_with("xmlns:")
        }
        Kind::Object | Kind::Str => ELEMENTS.contains(&plain(id).as_str()),
        _ => true,
    };
    plain(NodeId::ROOT) == "div" && tree.descend(NodeId::ROOT).all(allowed) && has_content(tree)
}

/// Something to read, or an image.
fn has_content(tree: &Tree) -> bool {
    let readable = |id: NodeId| match tree.kind(id) {
        Kind::Str | Kind::Text => !tree.text(id).trim().is_empty(),
        Kind::Object => tree.name_text(id).trim_start_matches("xhtml:") == "img",
        _ => false,
    };
    tree.descend(NodeId::ROOT).any(readable)
}
