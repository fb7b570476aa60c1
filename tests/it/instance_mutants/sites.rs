//! The places of a resource in JSON, with what R4 says of each.

use sauma::schema::{ElementDef, Schema};
use sauma::tree::fhir::TypeId;
use serde_json::{Map, Value};

/// A value in a document.
pub(crate) struct Site {
    /// As reports write it: `CarePlan.activity[0].detail`.
    pub(crate) path: String,
    /// JSON pointer of the object that the value stands in; the document's root stands in none.
    owner: Option<String>,
    /// The type of that object, with the type's own path.
    pub(crate) owner_type: TypeId,
    pub(crate) owner_path: String,
    /// Its name there, or none for a resource.
    pub(crate) key: String,
    /// Which item of a list it is.
    index: Option<usize>,
    /// The name of its type.
    pub(crate) ty: String,
    pub(crate) type_id: TypeId,
    pub(crate) element: Option<&'static ElementDef>,
    /// The resource types that a reference may have as its target.
    pub(crate) targets: Vec<String>,
}

impl Site {
    /// The value itself.
    pub(crate) fn value<'a>(&self, document: &'a mut Value) -> &'a mut Value {
        if self.owner.is_none() {
            return document;
        }
        let slot = self.object(document).get_mut(&self.key).unwrap();
        match self.index {
            Some(index) => slot.get_mut(index).unwrap(),
            None => slot,
        }
    }

    /// The object that it stands in, of the root the root.
    pub(crate) fn object<'a>(&self, document: &'a mut Value) -> &'a mut Map<String, Value> {
        let pointer = self.owner.as_deref().unwrap_or_default();
        document.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap()
    }

    /// The whole of what stands under its name: of an item its list.
    pub(crate) fn slot<'a>(&self, document: &'a mut Value) -> &'a mut Value {
        let key = self.key.clone();
        self.object(document).get_mut(&key).unwrap()
    }

    pub(crate) const fn is_root(&self) -> bool {
        self.owner.is_none()
    }

    pub(crate) const fn is_item(&self) -> bool {
        self.index.is_some()
    }

    /// Whether the type that owns it is one of data types or of a body, not a resource type.
    pub(crate) fn is_primitive(&self) -> bool {
        Schema::r4().type_info(self.type_id).is_primitive()
    }
}

/// Every value of a document that R4 defines.
pub(crate) fn sites(document: &Value) -> Vec<Site> {
    let mut walk = Walk { found: Vec::new() };
    let Some(name) = document.get("resourceType").and_then(Value::as_str) else { return walk.found };
    let Some(ty) = Schema::r4().type_named(name) else { return walk.found };
    walk.found.push(Site {
        path: name.to_owned(),
        owner: None,
        owner_type: ty,
        owner_path: name.to_owned(),
        key: String::new(),
        index: None,
        ty: name.to_owned(),
        type_id: ty,
        element: None,
        targets: Vec::new(),
    });
    walk.object(document, ty, name, "");
    walk.found
}

struct Walk {
    found: Vec<Site>,
}

impl Walk {
    fn object(&mut self, value: &Value, ty: TypeId, path: &str, pointer: &str) {
        for (key, child) in value.as_object().into_iter().flatten() {
            if key.starts_with('_') || key == "resourceType" {
                continue;
            }
            let items: Vec<(Option<usize>, &Value)> = match child {
                Value::Array(items) => items.iter().enumerate().map(|(at, item)| (Some(at), item)).collect(),
                one => vec![(None, one)],
            };
            for (index, item) in items {
                self.child(item, index, key, (ty, path, pointer));
            }
        }
    }

    fn child(
        &mut self,
        value: &Value,
        index: Option<usize>,
        key: &str,
        (owner, path, pointer): (TypeId, &str, &str),
    ) {
        let schema = Schema::r4();
        let Some(found) = schema.find(owner, key) else { return };
        if value.is_null() {
            return;
        }
        let named =
            value.get("resourceType").and_then(Value::as_str).and_then(|name| schema.type_named(name));
        let type_id = named.unwrap_or(found.ty);
        let item = |dot: char| {
            index.map_or(String::new(), |at| if dot == '/' { format!("/{at}") } else { format!("[{at}]") })
        };
        let here = format!("{path}.{key}{}", item('.'));
        let below = format!("{pointer}/{key}{}", item('/'));
        let targets = found.type_ref.map_or_else(Vec::new, |ty| {
            ty.targets.iter().map(|url| url.rsplit('/').next().unwrap_or_default().to_owned()).collect()
        });
        self.found.push(Site {
            path: here.clone(),
            owner: Some(pointer.to_owned()),
            owner_type: owner,
            owner_path: path.to_owned(),
            key: key.to_owned(),
            index,
            ty: schema.type_info(type_id).name.to_owned(),
            type_id,
            element: Some(found.element),
            targets,
        });
        self.object(value, type_id, &here, &below);
    }
}
