//! From method and path to what is asked.

use http::{Method, StatusCode};

use super::access::Kind;
use super::reply::Refusal;
use crate::format::{ShareNum, StorageIndex};
use crate::net::range::decimal;

/// A request of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Version,
    Lease { index: StorageIndex },
    Allocate { index: StorageIndex },
    Shares { index: StorageIndex },
    Read { index: StorageIndex, share: ShareNum },
    Write { index: StorageIndex, share: ShareNum },
    Abort { index: StorageIndex, share: ShareNum },
    Corrupt { index: StorageIndex, share: ShareNum },
    TestWrite { index: StorageIndex },
    MutableShares { index: StorageIndex },
    MutableRead { index: StorageIndex, share: ShareNum },
    MutableCorrupt { index: StorageIndex, share: ShareNum },
}

impl Route {
    /// 404 for a path that is none, 405 for a method that the path does not have.
    pub(super) fn parse(method: &Method, path: &str) -> Result<Self, Refusal> {
        let absent = || Refusal::new(StatusCode::NOT_FOUND);
        let mut rest = path.strip_prefix("/storage/v1/").ok_or_else(absent)?.split('/');
        let [kind, index, part, action, end] = std::array::from_fn(|_| rest.next());
        if end.is_some() {
            return Err(absent());
        }
        if (kind, index) == (Some("version"), None) {
            return only(method, &Method::GET, Self::Version);
        }
        let index = || index.and_then(|text| text.parse().ok()).ok_or_else(absent);
        match (kind, part, action) {
            (Some("lease"), None, None) => only(method, &Method::PUT, Self::Lease { index: index()? }),
            (Some("immutable"), None, None) => {
                only(method, &Method::POST, Self::Allocate { index: index()? })
            }
            (Some("immutable"), Some("shares"), None) => {
                only(method, &Method::GET, Self::Shares { index: index()? })
            }
            (Some("immutable"), Some(number), action) => {
                let (index, share) = (index()?, share(number)?);
                match action {
                    None if method == Method::GET => Ok(Self::Read { index, share }),
                    None => only(method, &Method::PATCH, Self::Write { index, share }),
                    Some("abort") => only(method, &Method::PUT, Self::Abort { index, share }),
                    Some("corrupt") => only(method, &Method::POST, Self::Corrupt { index, share }),
                    Some(_) => Err(absent()),
                }
            }
            (Some("mutable"), Some("read-test-write"), None) => {
                only(method, &Method::POST, Self::TestWrite { index: index()? })
            }
            (Some("mutable"), Some("shares"), None) => {
                only(method, &Method::GET, Self::MutableShares { index: index()? })
            }
            (Some("mutable"), Some(number), action) => {
                let (index, share) = (index()?, share(number)?);
                match action {
                    None => only(method, &Method::GET, Self::MutableRead { index, share }),
                    Some("corrupt") => only(method, &Method::POST, Self::MutableCorrupt { index, share }),
                    Some(_) => Err(absent()),
                }
            }
            _ => Err(absent()),
        }
    }

    /// The secrets it must come with, exactly.
    pub(super) fn secrets(self) -> &'static [Kind] {
        match self {
            Self::Version | Self::Shares { .. } | Self::Read { .. } | Self::Corrupt { .. } => &[],
            Self::MutableShares { .. } | Self::MutableRead { .. } | Self::MutableCorrupt { .. } => &[],
            Self::TestWrite { .. } => &[Kind::LeaseRenew, Kind::LeaseCancel, Kind::WriteEnabler],
            Self::Lease { .. } => &[Kind::LeaseRenew, Kind::LeaseCancel],
            Self::Allocate { .. } => &[Kind::LeaseRenew, Kind::LeaseCancel, Kind::Upload],
            Self::Write { .. } | Self::Abort { .. } => &[Kind::Upload],
        }
    }
}

fn only(method: &Method, wanted: &Method, route: Route) -> Result<Route, Refusal> {
    if method == wanted { Ok(route) } else { Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED)) }
}

/// A share number that an encoding can have; no other share exists here.
fn share(text: &str) -> Result<ShareNum, Refusal> {
    let number = if text.is_empty() { None } else { decimal(text) };
    number
        .and_then(|number| u8::try_from(number).ok())
        .map(ShareNum)
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "bwkivxkvpnsjsb5um5bfugpppa";

    fn status(method: Method, path: &str) -> StatusCode {
        Route::parse(&method, path).unwrap_err().status()
    }

    #[test]
    fn a_share_number_may_have_leading_zeros() {
        let route = Route::parse(&Method::GET, &format!("/storage/v1/immutable/{INDEX}/00")).unwrap();
        assert_eq!(route, Route::Read { index: INDEX.parse().unwrap(), share: ShareNum(0) });
    }

    #[test]
    fn paths_that_are_none_are_404() {
        for path in [
            "",
            "/",
            "/storage/v1",
            "/storage/v1/",
            "/storage/v1/nope",
            "/storage/v1/version/",
            "/storage/v1/version/x",
            "/storage/v1/immutable",
            "/storage/v1/immutable/",
            "/storage/v1/immutable/zz",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/-1",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/+1",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/256",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/1/",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/1/x",
            "/storage/v1/immutable/bwkivxkvpnsjsb5um5bfugpppa/1/abort/x",
            "/storage/v1/mutable/bwkivxkvpnsjsb5um5bfugpppa",
            "/storage/v1/mutable/bwkivxkvpnsjsb5um5bfugpppa/1/abort",
            "/storage/v1/mutable/bwkivxkvpnsjsb5um5bfugpppa/shares/1",
            "//storage/v1/version",
        ] {
            assert_eq!(status(Method::GET, path), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_known_path_with_another_method_is_405() {
        assert_eq!(status(Method::POST, "/storage/v1/version"), StatusCode::METHOD_NOT_ALLOWED);
        let share = format!("/storage/v1/immutable/{INDEX}/1");
        assert_eq!(status(Method::DELETE, &share), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(Method::GET, &format!("{share}/abort")), StatusCode::METHOD_NOT_ALLOWED);
        let slot = format!("/storage/v1/mutable/{INDEX}");
        for path in ["read-test-write", "shares", "1", "1/corrupt"] {
            let refused = status(Method::PATCH, &format!("{slot}/{path}"));
            assert_eq!(refused, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
}
