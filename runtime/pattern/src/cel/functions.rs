//! The functions that an expression may call.

use cel_core::{CelType, Env, FunctionDecl, OverloadDecl};

use super::environment::ENVIRONMENT;
use super::{kubernetes, math, notes};

/// A function with one of its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSignature {
    /// As CEL names it: `size`, `math.greatest`, `_+_`.
    pub name: String,
    /// Whether it is called as `receiver.name(…)`.
    pub method: bool,
    /// The number of its arguments, the receiver not counted.
    pub arguments: usize,
}

/// Whether functions have this name before their dot.
pub(super) fn is_library(name: &str) -> bool {
    let of_library = |function: &str| function.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    ENVIRONMENT.functions().keys().any(|function| of_library(function))
}

/// The environment with all functions and no variables.
pub(super) fn environment() -> Env {
    let mut env = Env::with_standard_library()
        .with_extension(cel_core::ext::optionals_extension())
        .with_extension(cel_core::ext::string_extension())
        .with_extension(math::declarations())
        .with_extension(cel_core::ext::encoders_extension());
    env.add_variable("optional_type", CelType::type_of(CelType::optional(CelType::Dyn)));
    for name in ["google.protobuf.Timestamp", "google.protobuf.Duration"] {
        env.add_variable(name, CelType::type_of(cel_core::proto_message_to_cel_type(name)));
    }
    numbers_of_different_types(&mut env);
    kubernetes::declare(&mut env);
    notes::declare(&mut env);
    let value = CelType::type_param("A");
    env.add_function(
        FunctionDecl::new("default").with_overload(
            OverloadDecl::function("default", vec![value.clone(), value.clone()], value)
                .with_type_params(vec!["A".to_owned()]),
        ),
    );
    patterns_own(&mut env);
    env
}

/// What only patterns have. Where randomness may be used, and what `reveal` takes away, is not the types' matter.
fn patterns_own(env: &mut Env) {
    let value = CelType::type_param("A");
    let any = vec!["A".to_owned()];
    env.add_function(FunctionDecl::new("contentDigest").with_overload(
        OverloadDecl::function("contentDigest", vec![value.clone()], CelType::String).with_type_params(any.clone()),
    ));
    env.add_function(
        FunctionDecl::new("reveal")
            .with_overload(OverloadDecl::function("reveal", vec![value.clone()], value).with_type_params(any)),
    );
    for name in ["randomAlphanumeric", "randomHex"] {
        let of_length = OverloadDecl::function(name, vec![CelType::Int], CelType::String);
        env.add_function(FunctionDecl::new(name).with_overload(of_length));
    }
}

/// As in Kubernetes, numbers of different types can be compared.
fn numbers_of_different_types(env: &mut Env) {
    let types = [CelType::Int, CelType::UInt, CelType::Double];
    for operator in ["_<_", "_<=_", "_>_", "_>=_"] {
        let mut function = FunctionDecl::new(operator);
        for left in &types {
            for right in types.iter().filter(|right| *right != left) {
                let id = format!("{operator}{}_{}", left.display_name(), right.display_name());
                function = function.with_overload(OverloadDecl::function(
                    &id,
                    vec![left.clone(), right.clone()],
                    CelType::Bool,
                ));
            }
        }
        env.add_function(function);
    }
}

/// Every form of every function and operator, sorted by name.
pub fn functions() -> Vec<FunctionSignature> {
    let mut all: Vec<_> = ENVIRONMENT
        .functions()
        .values()
        .flat_map(|function| {
            function.overloads.iter().map(|overload| FunctionSignature {
                name: function.name.clone(),
                method: overload.is_member,
                arguments: overload.arg_types().len(),
            })
        })
        .collect();
    all.sort_by(|a, b| (&a.name, a.method, a.arguments).cmp(&(&b.name, b.method, b.arguments)));
    all.dedup();
    all
}
