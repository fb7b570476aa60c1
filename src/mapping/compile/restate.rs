//! `restating`: a source element says again what stands in a resource that other rules carry.

use super::{Checked, Compiler, Side, Variable, Walked};
use crate::diag::{Span, codes};
use crate::mapping::ast::{self, Restating, Way};
use crate::mapping::program::{Block, Content, Path, Relation, Restatement};

impl Compiler<'_> {
    pub(super) fn restatement(
        &mut self,
        relate: &ast::Relate,
        restating: &Restating,
        source: Walked,
        target: Walked,
        number: usize,
    ) -> Checked<Restatement> {
        let Some(element) = self.restating_element(relate, &source, &target) else {
            let message =
                "`restating` relates one element to the resource that a Reference leads to".to_owned();
            let help = "write `s.path as a <-> t.path as Type r restating a.path { … }`";
            self.fault(codes::LENS_TYPE, relate.span, message, help);
            return None;
        };
        self.restates = true;
        let at = source.at;
        let scope = self.scope.len();
        let relation = self.relation(relate, source, target, number)?;
        // Other rules carry the resource, so those here need not set all of it; nor is it there before them for
        // later rules to refer to.
        for resource in self.scope.split_off(scope) {
            self.targets.set_rest(resource.at);
        }
        let slot = relation.source_slot;
        self.scope.push(Variable { name: element, side: Side::Source, slot, at, is_resource: false });
        let reference = self.restating_reference(&restating.reference, slot);
        self.scope.truncate(scope);
        self.restated_block(&relation.block, (relation.source_slot, relation.target_slot));
        let otherwise = self.block(&restating.otherwise);
        Some(Restatement { relation, reference: reference?, otherwise })
    }

    /// The variable of the element, where the rule has the form that it must have.
    fn restating_element(&self, relate: &ast::Relate, source: &Walked, target: &Walked) -> Option<String> {
        let resource = relate.target_as.as_ref().is_some_and(|binding| binding.resource.is_some());
        let reference = self.schema.type_info(target.end.ty).name == "Reference" && !target.end.list;
        let plain = !relate.each
            && relate.way == Way::Both
            && relate.via.is_empty()
            && relate.default.is_none()
            && relate.key.is_empty()
            && relate.body.is_some();
        let element = relate.source_as.as_ref().filter(|binding| binding.resource.is_none())?;
        let single = !source.path.steps.is_empty() && !source.end.list;
        (resource && reference && plain && single).then(|| element.variable.text.clone())
    }

    fn restating_reference(&mut self, path: &ast::Path, slot: usize) -> Checked<Path> {
        let walked = self.walk(Side::Source, path)?;
        let fits = self.schema.type_info(walked.end.ty).name == "Reference" && walked.path.slot == slot;
        if !fits {
            let message = "the restating element itself holds the Reference to what it restates".to_owned();
            self.fault(codes::LENS_TYPE, path.span, message, "name a Reference below its variable");
            return None;
        }
        self.sources.set_whole(walked.at);
        Some(walked.path)
    }

    /// Each rule restates one place of the resource, so that an edit of that place alone can be carried into it.
    fn restated_block(&mut self, block: &Block, slots: (usize, usize)) {
        for (rule, _) in &block.settled {
            let message = "the resource that is restated has its constants already".to_owned();
            let help = "leave this to the rule that carries the resource";
            self.fault(codes::LENS_TYPE, self.span_of(*rule), message, help);
        }
        for (rule, content) in &block.content {
            let paths = match content {
                Content::Leaf(leaf) => Some((&leaf.source, &leaf.target)),
                Content::Copy(copied) => Some((&copied.source, &copied.target)),
                Content::Relate(inner) if inner.stays() && inner.source.conditions.is_empty() => {
                    self.restated_block(&inner.block, (inner.source_slot, inner.target_slot));
                    Some((&inner.source, &inner.target))
                }
                Content::Relate(inner) if copies_items(inner) => Some((&inner.source, &inner.target)),
                Content::Relate(_) | Content::Restate(_) | Content::Rest(_) => None,
            };
            let span = self.span_of(*rule);
            let Some((source, target)) = paths else {
                let message = "what is restated is a value, or is copied whole".to_owned();
                let help = "relate single values, copy elements, or copy the items of a list with `rest`";
                self.fault(codes::LENS_TYPE, span, message, help);
                continue;
            };
            if (source.slot, target.slot) != slots {
                let message = "a rule that restates starts at the element and at the resource".to_owned();
                self.fault(
                    codes::LENS_TYPE,
                    span,
                    message,
                    "begin both paths with the variables of the rule",
                );
            }
        }
    }

    fn span_of(&self, rule: usize) -> Span {
        self.rules.get(rule).map_or_else(Span::default, |rule| rule.span)
    }
}

/// True for items that are the same on both sides, whatever the elements around them.
fn copies_items(relation: &Relation) -> bool {
    let one = matches!(relation.block.content.as_slice(), [(_, Content::Rest(_))]);
    one && relation.block.settled.is_empty()
        && !relation.source.steps.is_empty()
        && !relation.target.steps.is_empty()
}
