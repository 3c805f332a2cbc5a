//! The tree against its definition, written down recursively, and the published vector.

use super::*;

const LINES: [&str; 3] = [
    r#"{"kind":"genesis","log":"backout.example/acme/01JD3K9W8ZQ4T6V2M7N5B1C0XA","seq":0,"t":"2026-11-20T12:00:00.000000Z","v":1}"#,
    r#"{"actor":"alice@example.com","kind":"note","payload":["qwy+asgwRuHItYv07R7ERHCiPddZo7riMPHPCEskimM="],"seq":1,"t":"2026-11-20T12:00:01.000000Z","v":1}"#,
    r#"{"actor":"bob@example.com","kind":"step.start","seq":2,"step":"s7","t":"2026-11-20T12:00:02.000000Z","v":1}"#,
];

/// MTH of RFC 6962, word for word.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

fn leaves(n: u64) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(format!("line {i}").as_bytes())).collect()
}

fn head_of(leaves: &[Hash]) -> Head {
    Head { n: leaves.len() as u64, root: mth(leaves) }
}

fn roots(spans: &[Span], leaves: &[Hash]) -> Vec<Hash> {
    let mut collector = RangeRoots::new(spans);
    leaves.iter().for_each(|l| collector.push(*l));
    collector.finish().unwrap()
}

#[test]
fn the_published_vector_has_these_leaves_and_roots() {
    let mut tree = Frontier::new();
    let wanted = [
        (
            "d5383dea5196fefe2c5076a8e322768fb72f13bec385fe57c318e6ce4b569f9f",
            "1Tg96lGW/v4sUHao4yJ2j7cvE77Dhf5XwxjmzktWn58=",
        ),
        (
            "21abbdc41d678e041a65d2079453d6859afe5679f235cb56c9e4ba2203cb92fa",
            "KZh5SXe1HDlDXHzJoOWANgKB5kvMT4aPxULTDqLGd80=",
        ),
        (
            "c0dd60797ba9aa2f152bea5716891505c10224beda6b118f993d58b138d10a89",
            "aEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=",
        ),
    ];
    for (line, (leaf, root)) in LINES.iter().zip(wanted) {
        let hash = leaf_hash(line.as_bytes());
        let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, leaf);
        tree.push(hash);
        assert_eq!(tree.head().root_b64(), root);
    }
}

#[test]
fn the_growing_edge_always_has_the_root_of_the_definition() {
    let all = leaves(70);
    let mut tree = Frontier::new();
    assert_eq!(tree.root(), empty_root());
    for n in 1..=all.len() {
        tree.push(all[n - 1]);
        assert_eq!(tree.root(), mth(&all[..n]), "size {n}");
    }
}

#[test]
fn every_leaf_of_every_small_tree_has_a_proof_that_holds_only_there() {
    for n in 1..=20u64 {
        let all = leaves(n);
        let head = head_of(&all);
        for index in 0..n {
            let proof = roots(&inclusion_spans(index, n).unwrap(), &all);
            let leaf = all[index as usize];
            assert_eq!(verify_inclusion(&leaf, index, &head, &proof), Ok(()), "{index} of {n}");
            for other in (0..n).filter(|o| *o != index) {
                assert!(verify_inclusion(&leaf, other, &head, &proof).is_err(), "{index} as {other} of {n}");
            }
            let mut surplus = proof.clone();
            surplus.push(leaf);
            assert_eq!(verify_inclusion(&leaf, index, &head, &surplus), Err(ProofError::Surplus));
            if !proof.is_empty() {
                let short = &proof[..proof.len() - 1];
                assert_eq!(verify_inclusion(&leaf, index, &head, short), Err(ProofError::Short));
            }
        }
        assert!(inclusion_spans(n, n).is_err());
    }
}

#[test]
fn every_older_tree_proves_to_be_the_beginning_of_every_newer_one() {
    let all = leaves(24);
    for newer in 0..=24u64 {
        let new = head_of(&all[..newer as usize]);
        for older in 0..=newer {
            let old = head_of(&all[..older as usize]);
            let proof = roots(&consistency_spans(older, newer).unwrap(), &all[..newer as usize]);
            assert_eq!(verify_consistency(&old, &new, &proof), Ok(()), "{older} of {newer}");
            let mut surplus = proof.clone();
            surplus.push(all[0]);
            assert!(verify_consistency(&old, &new, &surplus).is_err(), "surplus, {older} of {newer}");
            for i in 0..proof.len() {
                let mut bent = proof.clone();
                bent[i][3] ^= 1;
                assert!(verify_consistency(&old, &new, &bent).is_err(), "bent {i}, {older} of {newer}");
            }
            if older > 0 {
                let mut other = old;
                other.root[0] ^= 1;
                assert!(verify_consistency(&other, &new, &proof).is_err());
            }
        }
    }
    assert!(consistency_spans(3, 2).is_err());
}

#[test]
fn a_head_reads_back_from_what_it_prints_and_has_a_short_code() {
    let head = Head { n: 812, root: leaf_hash(b"x") };
    assert_eq!(Head::parse(&head.to_string()), Some(head));
    assert_eq!(Head::parse(&format!("812 {}", head.root_b64())), Some(head));
    assert_eq!(Head::parse("0812 AAAA"), None);
    assert_eq!(Head { n: 7, root: [0; 32] }.short_code(), "7-AAAAAAAAAA");
    assert_eq!(Head { n: 7, root: [0xff; 32] }.short_code(), "7-7777777777");
    // `printf '\xd5\x38\x3d\xea\x51\x96\xfe' | base32` begins with these.
    let root = Frontier { n: 1, peaks: vec![leaf_hash(LINES[0].as_bytes())] }.root();
    assert_eq!(Head { n: 1, root }.short_code(), "1-2U4D32SRS3");
}
