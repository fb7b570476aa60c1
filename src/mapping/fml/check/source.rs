//! Sources: where they read, which values they take, the variables they make.

use super::Checker;
use super::types::Stepped;
use crate::diag::codes;
use crate::mapping::fml::model::{Cardinality, InputMode, Path, Source, SourceListMode, Text};
use crate::schema::ElementDef;
use crate::tree::fhir::TypeId;

impl<'m, 'a> Checker<'m, 'a> {
    /// The type of a variable that is read.
    pub(super) fn source_variable(&mut self, name: &Text) -> Option<TypeId> {
        let Some(variable) = self.variable(&name.text, InputMode::Source) else {
            if !self.is_constant(&name.text) {
                self.unknown_variable(name);
            }
            return None;
        };
        if variable.mode == InputMode::Target {
            let message = format!("`{}` is a target, which is read here", name.text);
            self.warning(codes::FML_MODE, &name.origin, message);
        }
        variable.ty
    }

    pub(super) fn source_path(&mut self, path: &Path) -> Stepped<'a> {
        let ty = self.source_variable(&path.context);
        self.walk(ty, &path.elements)
    }

    /// From a type along elements.
    pub(super) fn walk(&mut self, ty: Option<TypeId>, elements: &[Text]) -> Stepped<'a> {
        let mut stepped = Stepped::of(ty);
        for element in elements {
            let many_before = stepped.is_many;
            stepped = self.step(stepped.ty, element);
            stepped.is_many |= many_before || stepped.element.is_none_or(ElementDef::is_list);
        }
        stepped
    }

    /// A source; `first` is where the variables of its rule start. True where it may have several values.
    pub(super) fn source(&mut self, source: &'m Source, first: usize) -> bool {
        let stepped = self.source_path(&source.path);
        let mut ty = stepped.ty;
        if let Some(name) = &source.type_name {
            ty = self.type_of(name, InputMode::Source);
            if let Some(filter) = ty.filter(|filter| !self.allows(stepped, *filter)) {
                let element = source.path.elements.last().unwrap_or(&source.path.context);
                let message = format!("`{}` never is a `{}`", element.text, self.type_name(filter));
                self.error(codes::FML_TYPE, &name.origin, message);
                ty = None;
            }
        }
        if let Some(cardinality) = &source.cardinality {
            self.cardinality(cardinality, stepped);
        }
        if let Some(name) = &source.variable {
            let same = self.scope.get(first..).unwrap_or(&[]).iter().any(|known| known.name == name.text);
            if same {
                let message = format!("the variable `{}` is given twice in one rule", name.text);
                self.error(codes::FML_DUPLICATE, &name.origin, message);
            }
            self.declare(name, InputMode::Source, ty);
        }
        if let Some(default) = &source.default {
            self.expression(&default.expression, None);
        }
        for expression in [&source.condition, &source.check, &source.log].into_iter().flatten() {
            self.expression(expression, ty);
        }
        let takes_one = matches!(
            source.list_mode,
            Some(SourceListMode::First | SourceListMode::Last | SourceListMode::OnlyOne)
        );
        stepped.is_many && !takes_one
    }

    fn cardinality(&mut self, cardinality: &Cardinality, stepped: Stepped<'_>) {
        if let Some(max) = cardinality.max.filter(|max| *max < cardinality.min) {
            let message = format!("at least {} and at most {max} cannot both hold", cardinality.min);
            self.error(codes::FML_CARDINALITY, &cardinality.origin, message);
        } else if let Some(element) = stepped.element.filter(|element| element.max < cardinality.min) {
            let message = format!("the element has at most {} value, never {}", element.max, cardinality.min);
            self.error(codes::FML_CARDINALITY, &cardinality.origin, message);
        }
    }
}
