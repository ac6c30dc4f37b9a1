//! Which layouts fit: made-up modules of one name, as an API would have them over the years.

use super::*;

/// A year of an API: a module with two functions, and what that year added.
macro_rules! year {
    ($name:ident, $second:ty, { $($added:ident: $ty:ty),* }) => {
        mod $name {
            // Each year has the fields of its own; only their layouts are looked at.
            #![allow(dead_code)]

            #[repr(C)]
            #[derive(abi_stable::StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = ModuleRef)))]
            #[sabi(missing_field(option))]
            pub(super) struct Module {
                pub first: extern "C" fn(u32) -> u32,
                #[sabi(last_prefix_field)]
                pub second: $second,
                $(pub $added: $ty,)*
            }
        }
    };
}

year!(one, extern "C" fn(u64), {});
year!(two, extern "C" fn(u64), { third: extern "C" fn(u8) });
year!(three, extern "C" fn(u64), { third: extern "C" fn(u8), fourth: extern "C" fn() });
year!(other_second, extern "C" fn(u32), {});
year!(other_third, extern "C" fn(u64), { third: extern "C" fn(u16) });

fn layouts() -> [&'static TypeLayout; 3] {
    [one::ModuleRef::LAYOUT, two::ModuleRef::LAYOUT, three::ModuleRef::LAYOUT]
}

#[test]
fn what_was_only_added_to_fits_both_ways() {
    for ours in layouts() {
        for theirs in layouts() {
            assert!(fits(ours, theirs), "{} fields and {} fields", fields(ours), fields(theirs));
        }
    }
}

#[test]
fn what_was_changed_does_not_fit() {
    for ours in layouts() {
        assert!(!fits(ours, other_second::ModuleRef::LAYOUT));
        assert!(!fits(other_second::ModuleRef::LAYOUT, ours));
    }
    for ours in &layouts()[1..] {
        assert!(!fits(ours, other_third::ModuleRef::LAYOUT));
    }
}

#[test]
fn one_direction_alone_would_refuse_older_libraries() {
    let [older, newer, _] = layouts();
    assert!(check_layout_compatibility(older, newer).is_ok());
    assert!(check_layout_compatibility(newer, older).is_err(), "then the second check can go");
}

fn fields(layout: &TypeLayout) -> usize {
    layout.get_fields().map_or(0, |fields| fields.len())
}
