//! What a component exports.

/// Makes a component's exports of hooks: a type for each point at which it is called.
///
/// ```
/// # use orkestra_hook::{BeforeRender, Call, Error, Finalize, Outcome, export};
/// # use serde_json::{Value, json};
/// # struct Quota; struct Cleanup;
/// # impl BeforeRender for Quota {
/// #     type Resource = Value; type Inputs = Value; type Values = Value;
/// #     fn before_render(_: &Call<Value, Value>) -> Result<Value, Error> { Ok(json!({})) }
/// # }
/// # impl Finalize for Cleanup {
/// #     type Resource = Value; type Inputs = Value;
/// #     fn finalize(_: &Call<Value, Value>) -> Result<Outcome, Error> { Ok(Outcome::Done) }
/// # }
/// export!(before_render = Quota, finalize = Cleanup);
/// ```
///
/// The points are `before_render`, `after_render`, `validate`, `finalize` and `convert`. The component exports those that are named and
/// no others; they are the ones that the Katalog names below `hooks`.
///
/// A type is called for all entries that have the point; [`Call::entry`](crate::Call::entry) says which. Entries are different kinds, so
/// that each tends to have a type of its own:
///
/// ```
/// # use orkestra_hook::{BeforeRender, Call, Error, Validate, Violation, export};
/// # use serde_json::{Value, json};
/// # struct Database; struct Cache; struct Rules;
/// # macro_rules! hook { ($t:ty) => { impl BeforeRender for $t {
/// #     type Resource = Value; type Inputs = Value; type Values = Value;
/// #     fn before_render(_: &Call<Value, Value>) -> Result<Value, Error> { Ok(json!({})) }
/// # } } }
/// # hook!(Database); hook!(Cache);
/// # impl Validate for Rules {
/// #     type Resource = Value; type Inputs = Value;
/// #     fn validate(_: &Call<Value, Value>) -> Result<Vec<Violation>, Error> { Ok(Vec::new()) }
/// # }
/// export!(before_render = { "database" => Database, "cache" => Cache }, validate = Rules);
/// ```
///
/// An entry that is not named fails by name. A crate has one `export!`.
///
/// A point that there is not is an error of the compiler:
///
/// ```compile_fail
/// # struct Quota;
/// orkestra_hook::export!(before_lunch = Quota);
/// ```
#[macro_export]
macro_rules! export {
    ($($points:tt)+) => {
        const _: () = {
            struct Component;

            $crate::__points!(Component $($points)+);
        };
    };
    () => {
        ::core::compile_error!("a hook has at least one point: export!(before_render = Hook)");
    };
}

/// The points of an [`export!`], one after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! __points {
    ($component:ident) => {};
    ($component:ident $point:ident = { $($entry:literal => $hook:ty),+ $(,)? } $(, $($rest:tt)*)?) => {
        $crate::__point!($component, $point, |told| match $crate::__private::Told::entry(&told) {
            $($entry => $crate::__private::points::$point::run::<$hook>(told),)+
            entry => $crate::__private::unknown_entry(entry, &[$($entry),+]),
        });
        $crate::__points!($component $($($rest)*)?);
    };
    ($component:ident $point:ident = $hook:ty $(, $($rest:tt)*)?) => {
        $crate::__point!($component, $point, |told| $crate::__private::points::$point::run::<$hook>(told));
        $crate::__points!($component $($($rest)*)?);
    };
    ($component:ident $($other:tt)+) => {
        ::core::compile_error!(
            "export! takes points and their hooks: export!(before_render = Hook, validate = { \"entry\" => Rules })"
        );
    };
}

/// One point of an [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __point {
    ($component:ident, $point:ident, |$told:ident| $body:expr) => {
        impl $crate::__private::Run<$crate::__private::points::$point::This> for $component {
            fn run(
                $told: <$crate::__private::points::$point::This as $crate::__private::Point>::Told,
            ) -> ::core::result::Result<
                <$crate::__private::points::$point::This as $crate::__private::Point>::Answer,
                $crate::Error,
            > {
                $body
            }
        }

        $crate::__component!($component, $point);
    };
}

/// Natively nothing is exported; the function is only used, so that the compiler does not say that it is not.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($component:ident, $point:ident) => {
        const _: fn(
            <$crate::__private::points::$point::This as $crate::__private::Point>::Told,
        ) -> ::core::result::Result<
            <$crate::__private::points::$point::This as $crate::__private::Point>::Answer,
            $crate::Error,
        > = <$component as $crate::__private::Run<$crate::__private::points::$point::This>>::run;
    };
}

/// The component's export.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($component:ident, $point:ident) => {
        const _: () = {
            type Exported = $crate::__private::Exported<$component>;
            $crate::__private::points::$point::bindings::export!(
                Exported with_types_in $crate::__private::points::$point::bindings
            );
        };
    };
}
