//! OIDs and UUIDs, as CDA writes them and as uris.

use super::accept::Known;
use super::expr::Expr;
use super::ways::Way;

const OID: &str = "[0-2]([.](0|[1-9][0-9]*))+";
const SMALL_UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const UUID: &str = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";

/// To a uri. Capital letters of a UUID become small ones, and so do not come back.
pub(super) fn forward(text: &Expr) -> Vec<Way> {
    let uri = |prefix: &str, name: &Expr| Expr::literal(prefix).joined(name);
    let whole = |form: &str| text.matches(&format!("^{form}$"));
    vec![
        way(vec![whole(OID)], uri("urn:oid:", text), true),
        way(vec![whole(SMALL_UUID)], uri("urn:uuid:", text), true),
        way(vec![whole(UUID), whole(SMALL_UUID).not()], uri("urn:uuid:", &text.lower()), false),
    ]
}

/// From a uri.
pub(super) fn backward(uri: &Expr) -> Vec<Way> {
    let one = |kind: &str, form: &str| {
        let fits = uri.matches(&format!("^urn:{kind}:{form}$"));
        way(vec![fits], uri.replace_matches(&format!("^urn:{kind}:"), ""), true)
    };
    vec![one("oid", OID), one("uuid", SMALL_UUID)]
}

fn way(fits: Vec<Expr>, value: Expr, is_exact: bool) -> Way {
    Way { fits, value, known: Known::Name, is_exact }
}
