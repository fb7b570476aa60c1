//! The outline of an expression that is a text of its own.

use super::{Element, Meaning, Outline};
use crate::fhirpath::{Expression, Options, What};
use crate::schema::Schema;

/// The outline of an expression.
pub fn expression(parsed: &Expression, schema: &Schema, options: &Options) -> Outline {
    let mut outline = Outline::default();
    for named in parsed.outline(schema, options) {
        let meaning = match named.what {
            What::Element(owners) => {
                let owner = owners.first().map(|ty| format!("{}.", schema.type_info(*ty).name));
                let place = format!("{}{}", owner.unwrap_or_default(), named.name);
                Meaning::Element(Element { owners, name: named.name, place, is_source: true })
            }
            What::Type(ty) => Meaning::Type(ty),
            What::Function(_) => Meaning::Function(named.name),
            What::Variable => continue,
        };
        outline.mark(named.span, meaning);
    }
    outline.finished()
}
