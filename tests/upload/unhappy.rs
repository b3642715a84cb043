//! What an upload says that did not find enough servers, as data and as text.

use lafs::plan::place::{Failure, Offers, Shortfall};

use super::*;

#[test]
fn too_few_servers() {
    let case = Case::new(2, (3, 5, 10));
    let (error, _) = case.fail();
    assert_eq!(error.shortfall(), Shortfall::TooFewServers);
    assert_eq!(error.offers, Offers::default());
    insta::assert_snapshot!(error);
}

#[test]
fn some_full_some_broken_some_silent() {
    let case = Case::new(10, (3, 7, 10));
    // Room for no share of this file at all; room, but not for long; an error; silence.
    case.node(0).fill();
    case.node(1).obey(unlucky(Kind::Shares, Act::Fail(503)));
    case.node(2).obey(unlucky(Kind::Allocate, Act::Fail(500)));
    [3, 4].into_iter().for_each(|place| case.node(place).obey(unlucky(Kind::Allocate, Act::LoseAnswer)));
    let (error, _) = case.fail();
    assert_eq!(error.shortfall(), Shortfall::TooFewOfThem);
    assert_eq!((error.full(), error.failed(), error.silent()), (1, 4, 0));
    assert_eq!((error.offers.taken, error.offers.full, error.offers.failed), (10, 0, 3));
    assert!(!error.is_full());
    insta::assert_snapshot!(error);
}

#[test]
fn lost_on_the_way() {
    let case = Case::new(10, (3, 7, 10)).of_many_segments();
    for place in 0..4 {
        case.node(place)
            .obey(|kind, nth| if kind == Kind::Write && nth > 2 { Act::Fail(500) } else { Act::Serve });
    }
    let (error, _) = case.fail();
    assert_eq!(error.offers, Offers { made: 10, taken: 10, full: 0, failed: 0 });
    let last = Failure { server: case.id(3), reason: "the server answered 500".to_owned() };
    assert_eq!(error.last_failure.as_deref(), Some(&last));
    insta::assert_snapshot!(error);
}
