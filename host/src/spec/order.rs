//! The order that `after` and `requires` ask for. Pure: names in, an order or a cycle out.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use anysvc_backend_api::{Error, ErrorKind, Result, ServiceSpec};

/// The order in which services are to be started: what one comes after (or requires) first, otherwise as
/// given. Names of others than these are not looked at. Stopping goes the other way round.
///
/// # Errors
/// `invalid-spec` naming a cycle.
pub fn sort(specs: &[&ServiceSpec]) -> Result<Vec<usize>> {
    let (order, _) = walk(specs);
    if order.len() == specs.len() {
        return Ok(order);
    }
    let cycle = cycle(specs).unwrap_or_default();
    Err(Error::new(ErrorKind::InvalidSpec, describe(specs, &cycle)))
}

/// For each service, those that come before it.
fn before(specs: &[&ServiceSpec]) -> Vec<HashSet<usize>> {
    let index: HashMap<&str, usize> = specs.iter().enumerate().map(|(i, s)| (s.name.as_str(), i)).collect();
    let of = |spec: &&ServiceSpec| {
        spec.after.iter().chain(&spec.requires).filter_map(|name| index.get(name.as_str()).copied()).collect()
    };
    specs.iter().map(of).collect()
}

/// What can be put in order, and for what can't (where its number is above 0) how much holds it back.
fn walk(specs: &[&ServiceSpec]) -> (Vec<usize>, Vec<usize>) {
    let before = before(specs);
    let mut waiting: Vec<usize> = before.iter().map(HashSet::len).collect();
    let mut followers = vec![Vec::new(); specs.len()];
    for (i, earlier) in before.iter().enumerate() {
        earlier.iter().for_each(|&e| followers[e].push(i));
    }
    let mut free: BinaryHeap<_> = (0..specs.len()).filter(|&i| waiting[i] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(specs.len());
    while let Some(Reverse(i)) = free.pop() {
        order.push(i);
        for &follower in &followers[i] {
            waiting[follower] -= 1;
            if waiting[follower] == 0 {
                free.push(Reverse(follower));
            }
        }
    }
    (order, waiting)
}

/// A cycle, if there is one: each comes after the next, the last after the first.
pub(crate) fn cycle(specs: &[&ServiceSpec]) -> Option<Vec<usize>> {
    let (_, waiting) = walk(specs);
    let mut at = waiting.iter().position(|n| *n > 0)?;
    let before = before(specs);
    let mut path: Vec<usize> = Vec::new();
    loop {
        if let Some(start) = path.iter().position(|&i| i == at) {
            let mut cycle = path.split_off(start);
            let first = cycle.iter().enumerate().min_by_key(|(_, i)| **i).map_or(0, |(k, _)| k);
            cycle.rotate_left(first);
            return Some(cycle);
        }
        path.push(at);
        // What is held back is held back by something that is held back itself.
        at = before[at].iter().copied().filter(|&i| waiting[i] > 0).min()?;
    }
}

/// The sentence about a cycle.
pub(crate) fn describe(specs: &[&ServiceSpec], cycle: &[usize]) -> String {
    let name = |i: &usize| specs[*i].name.as_str();
    let mut names: Vec<&str> = cycle.iter().map(name).collect();
    names.extend(cycle.first().map(name));
    let shown = names.join("` after `");
    format!("no order of starting fits `after` and `requires`: `{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(list: &[(&str, &[&str])]) -> Vec<ServiceSpec> {
        let spec = |(name, after): &(&str, &[&str])| ServiceSpec {
            name: (*name).to_owned(),
            after: after.iter().map(|s| (*s).to_owned()).collect(),
            ..ServiceSpec::default()
        };
        list.iter().map(spec).collect()
    }

    fn sorted(list: &[(&str, &[&str])]) -> Result<Vec<usize>> {
        sort(&specs(list).iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_comes_first_is_first_and_the_rest_stays_as_given() {
        assert_eq!(
            sorted(&[("web", &["db", "db", "elsewhere"]), ("x", &[]), ("db", &[])]).unwrap(),
            [1, 2, 0]
        );
        assert!(sorted(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_cycle_is_named() {
        let error = sorted(&[("z", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]).unwrap_err();
        let expected = "no order of starting fits `after` and `requires`: `a` after `b` after `c` after `a`";
        assert_eq!(error.message, expected);
        let error = sorted(&[("a", &["a"])]).unwrap_err();
        assert_eq!(error.message, "no order of starting fits `after` and `requires`: `a` after `a`");
    }

    #[test]
    fn a_long_chain_is_no_problem() {
        let mut list: Vec<ServiceSpec> = Vec::new();
        for i in 0..20_000 {
            let after = if i == 0 { vec![] } else { vec![format!("s{}", i - 1)] };
            list.push(ServiceSpec { name: format!("s{i}"), after, ..ServiceSpec::default() });
        }
        list.reverse();
        let order = sort(&list.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((order[0], order[19_999]), (19_999, 0));
    }
}
