//! Numbering, trees against pages, and hostile bytes.

use proptest::prelude::*;

use super::*;

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|i| tagged(b"leaf", &i.to_be_bytes())).collect()
}

fn shape(leaves: u64) -> Shape {
    Shape::new(leaves).unwrap()
}

#[test]
fn known_nodes() {
    assert_eq!(empty_leaf(3).to_string(), "9ed59076b6bee6b75864630c3c20cff6934efe03a60a7fd28b69542fb13a68a3");
    assert_eq!(
        inner(&Digest([1; 32]), &Digest([2; 32])).to_string(),
        "29c2d1c651cb930ac440c4fbedc2dcd489a8e0ae95c2ad2370a81e5c958f98e4"
    );
}

#[test]
fn a_tree_of_one_leaf_is_that_leaf() {
    let tree = Tree::from_leaves(&leaves(1));
    assert_eq!(tree.nodes(), leaves(1));
    assert_eq!(shape(1).siblings(0).unwrap().count(), 0);
    shape(1).verify(0, tree.root(), &[], &tree.root()).unwrap();
}

#[test]
fn siblings_go_from_the_leaf_upward() {
    assert_eq!(shape(5).siblings(2).unwrap().collect::<Vec<_>>(), [10, 3, 2]);
    assert!(shape(5).siblings(5).is_err(), "an added leaf is none");
}

#[test]
fn a_tree_of_a_page_is_read_in_one_page() {
    let pages: Vec<_> = shape(PAGE_NODES).pages(7).unwrap().collect();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].nodes(), 1023..2047);
    assert_eq!(shape(PAGE_NODES + 1).pages(7).unwrap().count(), 2);
}

#[test]
fn the_largest_tree_is_read_in_four_pages() {
    let shape = shape(LEAVES_MAX);
    let pages: Vec<_> = shape.pages(LEAVES_MAX - 1).unwrap().collect();
    assert_eq!(pages.len(), 4);
    assert_eq!(pages[3].byte_range().end, shape.bytes());
    assert_eq!(Shape::new(LEAVES_MAX + 1), Err(MerkleError::TooManyLeaves(LEAVES_MAX + 1)));
}

/// Reads leaf `leaf` page by page, the way a downloader does.
fn read_leaf(tree: &Tree, shape: Shape, leaf: u64) -> Digest {
    let bytes = tree.to_bytes();
    let mut known = (0..1, vec![tree.root()]);
    for page in shape.pages(leaf).unwrap() {
        let parent = known.1[usize::try_from(page.parent() - known.0.start).unwrap()];
        let range = page.byte_range();
        let read = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert!(read.len() as u64 <= PAGE_NODES * NODE_BYTES);
        known = (page.nodes(), page.verify(read, &parent).unwrap());
    }
    let node = shape.leaf(leaf).unwrap();
    known.1[usize::try_from(node - known.0.start).unwrap()]
}

#[test]
fn pages_lead_to_every_leaf() {
    for count in [1, 2, 3, 1000, 1024, 1025, 2047, 2100, 5000] {
        let leaves = leaves(count);
        let tree = Tree::from_leaves(&leaves);
        for leaf in [0, 1, count / 2, count - 1].into_iter().filter(|leaf| *leaf < count) {
            assert_eq!(read_leaf(&tree, shape(count), leaf), leaves[usize::try_from(leaf).unwrap()]);
        }
    }
}

#[test]
fn a_page_with_one_wrong_bit_is_refused() {
    let tree = Tree::from_leaves(&leaves(5));
    let page = shape(5).pages(0).unwrap().next().unwrap();
    let mut bytes = tree.to_bytes()[7 * 32..12 * 32].to_vec();
    assert_eq!(page.verify(&bytes, &tree.root()).unwrap().len(), 8);
    bytes[159] ^= 1;
    assert_eq!(page.verify(&bytes, &tree.root()), Err(MerkleError::Mismatch { node: 0 }));
    assert!(matches!(page.verify(&bytes[1..], &tree.root()), Err(MerkleError::Length { .. })));
}

proptest! {
    #[test]
    fn a_leaf_verifies_with_its_siblings_and_nothing_else_does(count in 1u64..70, pick: prop::sample::Index) {
        let all = leaves(count);
        let tree = Tree::from_leaves(&all);
        let shape = shape(count);
        let leaf = pick.index(all.len()) as u64;
        let siblings: Vec<_> =
            shape.siblings(leaf).unwrap().map(|node| tree.node(node).unwrap()).collect();
        let hash = all[pick.index(all.len())];
        shape.verify(leaf, hash, &siblings, &tree.root()).unwrap();
        prop_assert!(shape.verify(leaf, empty_leaf(0), &siblings, &tree.root()).is_err());
        if count > 1 {
            let other = (leaf + 1) % count;
            prop_assert!(shape.verify(other, hash, &siblings, &tree.root()).is_err());
            prop_assert!(shape.verify(leaf, hash, &siblings[1..], &tree.root()).is_err());
        }
    }

    #[test]
    fn a_row_of_any_tree_leads_to_its_root(count in 1u64..300, row in 0u32..9) {
        let tree = Tree::from_leaves(&leaves(count));
        let row = row.min(shape(count).depth());
        let nodes = (1usize << row) - 1..(1usize << (row + 1)) - 1;
        prop_assert_eq!(root_of_row(&tree.nodes()[nodes]), tree.root());
    }

    #[test]
    fn hostile_pages_are_refused(bytes: Vec<u8>, count in 1..=LEAVES_MAX, leaf: u64) {
        for page in shape(count).pages(leaf % count).unwrap() {
            prop_assert!(page.verify(&bytes, &Digest([0; 32])).is_err());
        }
    }
}
