//! An order in which each comes after what it refers to.

use std::collections::BTreeSet;

/// Sorts `0..references.len()` so that each index comes after those it refers to, and otherwise stays as it is.
///
/// # Errors
/// Every circle of references that shares no member with another one before it: its members in order, the first also at the end.
pub(super) fn sort(references: &[BTreeSet<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut sorted = Vec::with_capacity(references.len());
    let mut left: Vec<usize> = (0..references.len()).collect();
    let mut circles = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|index| references[*index].iter().all(|other| !left.contains(other)));
        match ready {
            Some(at) => sorted.push(left.remove(at)),
            None => {
                // Without its members, what else goes round is found as well.
                let circle = circle(references, &left);
                left.retain(|index| !circle.contains(index));
                circles.push(circle);
            }
        }
    }
    if circles.is_empty() { Ok(sorted) } else { Err(circles) }
}

/// Follows references among those that are left, each of which has one, until one comes again.
fn circle(references: &[BTreeSet<usize>], left: &[usize]) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::new();
    let mut at = left.first().copied();
    while let Some(index) = at {
        if let Some(begin) = path.iter().position(|seen| *seen == index) {
            path.drain(..begin);
            path.push(index);
            return path;
        }
        path.push(index);
        at = references[index].iter().copied().find(|other| left.contains(other));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(lists: &[&[usize]]) -> Vec<BTreeSet<usize>> {
        lists.iter().map(|list| list.iter().copied().collect()).collect()
    }

    #[test]
    fn the_order_of_the_source_is_kept_where_it_can_be() {
        assert_eq!(sort(&references(&[&[], &[], &[]])), Ok(vec![0, 1, 2]));
        assert_eq!(sort(&references(&[&[2], &[], &[]])), Ok(vec![1, 2, 0]));
        assert_eq!(sort(&references(&[&[1], &[2], &[]])), Ok(vec![2, 1, 0]));
    }

    #[test]
    fn a_circle_is_shown_from_end_to_end() {
        assert_eq!(sort(&references(&[&[0]])), Err(vec![vec![0, 0]]));
        assert_eq!(sort(&references(&[&[1], &[2], &[1], &[]])), Err(vec![vec![1, 2, 1]]));
    }

    #[test]
    fn every_circle_is_shown() {
        let found = sort(&references(&[&[1], &[0], &[3, 4], &[2], &[0]]));
        assert_eq!(found, Err(vec![vec![0, 1, 0], vec![2, 3, 2]]));
    }
}
