//! The two macros that declare a type together with its codec, so that neither can lag behind the
//! other.

/// Declares a structure that crosses as a bag. `must` structures send every set attribute as one that
/// has to be understood (specs: nothing may be dropped); `lenient` ones as news that may be ignored.
macro_rules! wire_struct {
    ($mode:ident: $(#[$meta:meta])* pub struct $name:ident {
        $($(#[$fmeta:meta])* pub $field:ident: $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),* }

        impl $crate::wire::WireStruct for $name {
            fn into_bag(self) -> $crate::abi::Bag {
                let must = $crate::wire::wire_struct!(@must $mode);
                let mut attrs = abi_stable::std_types::RVec::new();
                $($crate::wire::put(&mut attrs, stringify!($field), must, self.$field);)*
                $crate::abi::Bag { attrs }
            }

            fn from_bag(bag: $crate::abi::Bag) -> Result<Self, $crate::wire::Refusal> {
                $(let mut $field: Option<$ty> = None;)*
                for attr in bag.attrs {
                    match attr.key.as_str() {
                        $(stringify!($field) => {
                            let value = <$ty as $crate::wire::Wire>::from_wire(attr.value);
                            $field = Some(value.map_err(|r| r.within(stringify!($field)))?);
                        })*
                        _ => $crate::wire::unknown(&attr)?,
                    }
                }
                Ok($name { $($field: $crate::wire::take(stringify!($field), $field)?),* })
            }
        }

        impl $crate::wire::Wire for $name {
            fn into_wire(self) -> $crate::abi::AbiValue {
                $crate::abi::AbiValue::Bag($crate::wire::WireStruct::into_bag(self))
            }
            fn from_wire(value: $crate::abi::AbiValue) -> Result<Self, $crate::wire::Refusal> {
                match value {
                    $crate::abi::AbiValue::Bag(bag) => $crate::wire::WireStruct::from_bag(bag),
                    _ => Err($crate::wire::Refusal::Malformed("")),
                }
            }
        }
    };
    (@must must) => { true };
    (@must lenient) => { false };
}

/// Declares an enum whose variants have a code (which crosses) and a name (which people see). With
/// `or Variant`, a code of a newer side reads as that variant; without, it is refused as not known.
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident $(or $fallback:ident)? {
        $($(#[$vmeta:meta])* $variant:ident = $code:literal $text:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),* }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The name that people and programs see.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            /// The variant of a name.
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::wire::Wire for $name {
            fn into_wire(self) -> $crate::abi::AbiValue {
                $crate::abi::AbiValue::Int(match self { $($name::$variant => $code),* })
            }
            fn from_wire(value: $crate::abi::AbiValue) -> Result<Self, $crate::wire::Refusal> {
                match value {
                    $($crate::abi::AbiValue::Int($code) => Ok($name::$variant),)*
                    $($crate::abi::AbiValue::Int(_) => Ok($name::$fallback),)?
                    #[allow(unreachable_patterns, reason = "with a fallback every code is taken above")]
                    $crate::abi::AbiValue::Int(_) => Err($crate::wire::Refusal::Unknown(String::new())),
                    _ => Err($crate::wire::Refusal::Malformed("")),
                }
            }
        }
    };
}

pub(crate) use {wire_enum, wire_struct};
