//! One answer: its type, and the limits that its item sets.

use super::super::primitive::base64;
use super::super::reference::{Rest, target_type};
use super::super::report::{Fault, Subject};
use super::answer::{Amount, Type, Typed, Value};
use super::form::Item;
use super::limits::Pattern;
use super::response::Response;
use crate::diag::{Message, codes, message};
use crate::fhirpath::Decimal;
use crate::tree::NodeId;
use std::cmp::Ordering;

impl Response<'_, '_, '_, '_> {
    /// Checks the value of an answer. `count` is how many answers the item has.
    pub(super) fn value(&mut self, item: &Item, answer: NodeId, count: usize) {
        let Some(given) = Typed::read(self.walk.tree, answer, "value") else { return };
        if !item.takes(given.ty) {
            let wanted = Message::words(item.kind.wanted());
            let message =
                message!("the answer is to be {wanted}, and is a {given}", wanted, given = given.ty.name());
            self.tell(item, Fault::error(codes::ANSWER_TYPE, given.node, message));
            return;
        }
        match &given.value {
            Value::Number(number) => self.decimals(item, given.node, *number),
            Value::Text(text) if matches!(given.ty, Type::Text | Type::Uri) => {
                self.form_of(item, given.node, text)
            }
            Value::Amount(amount) => self.amount(item, given.node, amount),
            Value::Boolean(_) | Value::Time(_) | Value::Text(_) | Value::Coding(_) | Value::Other => {}
        }
        match given.ty {
            Type::Attachment => self.attached(item, given.node),
            Type::Reference => self.referred(item, given.node),
            _ => {}
        }
        self.range(item, &given);
        self.choice(item, answer, &given, count);
    }

    fn range(&mut self, item: &Item, given: &Typed) {
        for (bounds, refused, word) in [
            (&item.limits.min, Ordering::Less, message!("less than the least value")),
            (&item.limits.max, Ordering::Greater, message!("more than the greatest value")),
        ] {
            for bound in bounds {
                let order = given.value.compare(bound);
                if order == Some(refused) {
                    let message = message!(
                        "the answer is {word} that the item `{link_id}` takes",
                        word,
                        link_id = item.link_id
                    );
                    self.tell(item, Fault::error(codes::ANSWER_RANGE, given.node, message));
                } else if let (None, Value::Amount(amount), Value::Amount(bound)) =
                    (order, &given.value, bound)
                {
                    let is_coded = amount.is_coded() && bound.is_coded();
                    let why = if is_coded {
                        message!("their units do not compare")
                    } else {
                        message!("a unit has no system and code")
                    };
                    let message = message!("whether the answer is {word} cannot be told: {why}", word, why);
                    self.tell(item, Fault::error(codes::ANSWER_RANGE, given.node, message));
                }
            }
        }
    }

    fn decimals(&mut self, item: &Item, node: NodeId, number: Decimal) {
        let scale = usize::try_from(number.scale()).unwrap_or(usize::MAX);
        if let Some(max) = item.limits.decimals_max.filter(|max| scale > *max) {
            let message = message!("the answer has {scale} decimal places, over {max}", scale, max);
            self.tell(item, Fault::error(codes::ANSWER_FORM, node, message));
        }
    }

    fn amount(&mut self, item: &Item, node: NodeId, amount: &Amount) {
        if let Some(value) = amount.value {
            self.decimals(item, node, value);
        }
        self.unit(item, node, amount);
    }

    /// Length and form of a text.
    fn form_of(&mut self, item: &Item, node: NodeId, text: &str) {
        let length = text.chars().count();
        if let Some(min) = item.limits.length_min.filter(|min| length < *min) {
            let message = message!("the answer has {length} characters, under {min}", length, min);
            self.tell(item, Fault::error(codes::ANSWER_FORM, node, message));
        }
        if let Some(max) = item.length_max.filter(|max| length > *max) {
            let message = message!("the answer has {length} characters, over {max}", length, max);
            self.tell(item, Fault::error(codes::ANSWER_FORM, node, message));
        }
        match &item.limits.pattern {
            Some(Pattern::Known(pattern)) if !pattern.is_match(text) => {
                let message = message!(
                    "the answer does not have the form that the item `{link_id}` asks for",
                    link_id = item.link_id
                );
                self.tell(item, Fault::error(codes::ANSWER_FORM, node, message));
            }
            Some(Pattern::Unknown) => {
                let name = format!("{}#{}", self.form.url, item.link_id);
                self.walk.not_checked(Subject::Pattern, &name);
            }
            Some(Pattern::Known(_)) | None => {}
        }
    }

    fn attached(&mut self, item: &Item, node: NodeId) {
        let tree = self.walk.tree;
        let kind = tree.child_text(node, "contentType").unwrap_or_default();
        let allowed = &item.limits.media_types;
        if !allowed.is_empty() && !allowed.iter().any(|allowed| is_media_type(&kind, allowed)) {
            let message = message!(
                "the item `{link_id}` does not take an attachment of this type",
                link_id = item.link_id
            );
            self.tell(item, Fault::error(codes::ANSWER_ATTACHMENT, node, message));
        }
        let Some(max) = item.limits.bytes_max else { return };
        let data = tree.child_str(node, "data").and_then(|data| base64(&tree.text(data)));
        let stated = || tree.child_text(node, "size").and_then(|size| size.parse().ok());
        let Some(bytes) = data.map(|data| data.len()).or_else(stated) else { return };
        if Decimal::whole(i64::try_from(bytes).unwrap_or(i64::MAX)) > max {
            let message = message!(
                "the attachment has {bytes} bytes, more than the item `{link_id}` takes",
                bytes,
                link_id = item.link_id
            );
            self.tell(item, Fault::error(codes::ANSWER_ATTACHMENT, node, message));
        }
    }

    /// What an answer refers to is of one of the types, and fits one of the profiles, that the item asks for.
    fn referred(&mut self, item: &Item, node: NodeId) {
        let schema = self.walk.validator.schema();
        let tree = self.walk.tree;
        let target = self.walk.target(node);
        let stated = || tree.child_text(node, "type").map(std::borrow::Cow::into_owned);
        let kind = target.as_ref().and_then(|target| self.walk.type_of(target)).or_else(stated);
        let limits = &item.limits;
        if let Some(kind) = kind
            && !limits.targets.is_empty()
            && !limits.targets.iter().any(|allowed| **allowed == *kind)
        {
            let message =
                message!("the item `{link_id}` takes no reference to a {kind}", link_id = item.link_id, kind);
            self.tell(item, Fault::error(codes::ANSWER_REFERENCE, node, message));
            return;
        }
        if limits.target_profiles.is_empty() {
            return;
        }
        let Some(found) = target.and_then(|target| target.node()) else {
            return self.unseen(item, node);
        };
        let name = tree.resource_type(found).unwrap_or_default();
        let ty = schema.type_named(&name).unwrap_or(crate::schema::UNKNOWN);
        let mut fits = Some(false);
        for url in &limits.target_profiles {
            let one = schema.type_by_url(url).map(|profile| self.walk.fits(found, ty, profile));
            fits = super::enable::or(fits, one);
        }
        match fits {
            Some(true) => {}
            Some(false) => {
                let message = message!(
                    "what the answer refers to is not what the item `{link_id}` asks for",
                    link_id = item.link_id
                );
                self.tell(item, Fault::error(codes::ANSWER_REFERENCE, node, message));
            }
            None => self.not_seen(item),
        }
    }

    /// A reference out of the document: its type alone can be held against the profiles.
    fn unseen(&mut self, item: &Item, node: NodeId) {
        let (tree, schema) = (self.walk.tree, self.walk.validator.schema());
        let text = tree.child_text(node, "reference").unwrap_or_default();
        let kind = Rest::read(&text, schema).map(|rest| rest.kind.to_owned());
        let is_of = |kind: &str| {
            let mut profiles = item.limits.target_profiles.iter().map(|url| target_type(url, schema));
            profiles.any(|target| target == kind || target == "Any" || target == "Resource")
        };
        if kind.is_some_and(|kind| !is_of(&kind)) {
            let message = message!(
                "what the answer refers to is of no type that the item `{link_id}` asks for",
                link_id = item.link_id
            );
            self.tell(item, Fault::error(codes::ANSWER_REFERENCE, node, message));
        } else {
            self.not_seen(item);
        }
    }

    fn not_seen(&mut self, item: &Item) {
        for url in &item.limits.target_profiles {
            self.walk.not_checked(Subject::Profile, url);
        }
    }
}

/// True where a media type is one that is allowed: `image/png` is an `image/*`, an `image/` and an `image/png`.
fn is_media_type(kind: &str, allowed: &str) -> bool {
    let plain = kind.split(';').next().unwrap_or(kind).trim();
    let allowed = allowed.trim();
    match allowed.strip_suffix('*').or_else(|| allowed.ends_with('/').then_some(allowed)) {
        Some(start) => plain.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase()),
        None => plain.eq_ignore_ascii_case(allowed) || kind.eq_ignore_ascii_case(allowed),
    }
}
