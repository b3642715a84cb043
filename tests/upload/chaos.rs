//! Servers that misbehave at random, in every combination.

use proptest::prelude::*;

use super::*;

/// From its `from`th request of this kind on, and for `count` of them, a server does this.
#[derive(Debug, Clone)]
struct Fault {
    server: prop::sample::Index,
    kind: Kind,
    from: usize,
    count: usize,
    act: Act,
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let kind = prop_oneof![
        1 => Just(Kind::Version),
        2 => Just(Kind::Shares),
        3 => Just(Kind::Allocate),
        4 => Just(Kind::Write),
    ];
    let act = prop_oneof![
        Just(Act::Hang),
        Just(Act::HangAnswer),
        Just(Act::LoseAnswer),
        Just(Act::Fail(500)),
        Just(Act::Fail(404)),
        (1..5000u64).prop_map(|ms| Act::Delay(Duration::from_millis(ms))),
    ];
    let count = prop_oneof![Just(1), Just(usize::MAX)];
    let fault = (any::<prop::sample::Index>(), kind, 0..6usize, count, act)
        .prop_map(|(server, kind, from, count, act)| Fault { server, kind, from, count, act });
    prop::collection::vec(fault, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_upload_ends_truthfully_and_leaves_no_incomplete_share(
        faults in faults(),
        full in prop::collection::btree_set(0..9usize, 0..4),
        found in prop::collection::btree_set((0..14usize, 0..6u8), 0..3),
        servers in 3..14usize,
        happy in 1..6usize,
    ) {
        let case = Case::new(servers, (2, happy, 6)).of_many_segments();
        for place in full.into_iter().filter(|place| *place < servers) {
            case.node(place).fill();
        }
        for (place, share) in found.into_iter().filter(|(place, _)| *place < servers) {
            case.hold(place, &[share]);
        }
        for (at, node) in case.grid.nodes.iter().enumerate() {
            let own: Vec<_> = faults.iter().filter(|fault| fault.server.index(servers) == at).cloned().collect();
            node.obey(move |kind, nth| {
                let bites = |fault: &&Fault| {
                    fault.kind == kind && nth >= fault.from && nth - fault.from < fault.count
                };
                own.iter().find(bites).map_or(Act::Serve, |fault| fault.act)
            });
        }
        let (result, took) = case.run();
        prop_assert!(took < Duration::from_secs(240), "{took:?}");
        prop_assert_eq!(case.staged_bytes(), 0);
        let layout = case.grid.layout(Case::index());
        match result {
            Ok(uploaded) => {
                let reached = lafs::plan::place::happiness(&layout);
                prop_assert!(reached >= happy && uploaded.happiness >= happy);
                for (share, servers) in &uploaded.placed {
                    for server in servers {
                        let at = (0..layout.len()).find(|n| id(*n) == *server).unwrap();
                        prop_assert!(layout[at].contains(share), "{} is not on {}", share, server);
                    }
                }
            }
            Err(UploadError::Unhappy(error)) => prop_assert!(error.happiness < happy, "{}", error),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
