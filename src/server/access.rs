//! Who may ask: the swissnum, and the secrets that come with a request.

use data_encoding::BASE64;
use http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq;

use super::reply::Refusal;
use super::{UPLOAD_SECRET_BYTES_MAX, WRITE_ENABLER_BYTES_MAX};
use crate::net::message::LeaseSecrets;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LeaseRenew,
    LeaseCancel,
    Upload,
    WriteEnabler,
}

/// The secrets of one request; those its route does not have are empty.
#[derive(Debug)]
pub(super) struct Secrets {
    lease: LeaseSecrets,
    upload: Vec<u8>,
    enabler: Vec<u8>,
}

/// 401 unless the whole `Authorization` value is right.
pub(super) fn check_swissnum(headers: &HeaderMap, wanted: &[u8]) -> Result<(), Refusal> {
    let given = headers.get(header::AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
    if bool::from(given.ct_eq(wanted)) { Ok(()) } else { Err(Refusal::new(StatusCode::UNAUTHORIZED)) }
}

/// Whether two secrets are the same, in a time that depends on their lengths only.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

impl Secrets {
    /// 400 unless every kind in `wanted` is there once, in a header of its own, and nothing else is.
    pub(super) fn parse(headers: &HeaderMap, wanted: &[Kind]) -> Result<Self, Refusal> {
        Self::find(headers, wanted).ok_or(Refusal::new(StatusCode::BAD_REQUEST))
    }

    fn find(headers: &HeaderMap, wanted: &[Kind]) -> Option<Self> {
        let (mut renew, mut cancel, mut upload, mut enabler) = (None, None, None, None);
        for value in headers.get_all("x-tahoe-authorization") {
            let (name, value) = value.to_str().ok()?.split_once(' ')?;
            let kind = match name {
                "lease-renew-secret" => Kind::LeaseRenew,
                "lease-cancel-secret" => Kind::LeaseCancel,
                "upload-secret" => Kind::Upload,
                "write-enabler" => Kind::WriteEnabler,
                _ => return None,
            };
            let slot = match kind {
                Kind::LeaseRenew => &mut renew,
                Kind::LeaseCancel => &mut cancel,
                Kind::Upload => &mut upload,
                Kind::WriteEnabler => &mut enabler,
            };
            let secret = BASE64.decode(value.as_bytes()).ok()?;
            let repeated = slot.replace(secret).is_some();
            if repeated || !wanted.contains(&kind) {
                return None;
            }
        }
        let lease = |secret: Option<Vec<u8>>, kind| match secret {
            Some(secret) => secret.try_into().ok(),
            None => (!wanted.contains(&kind)).then_some([0; 32]),
        };
        let lease = LeaseSecrets {
            renew: lease(renew, Kind::LeaseRenew)?,
            cancel: lease(cancel, Kind::LeaseCancel)?,
        };
        let opaque = |secret: Option<Vec<u8>>, kind, bytes_max| match secret {
            Some(secret) => (1..=bytes_max).contains(&secret.len()).then_some(secret),
            None => (!wanted.contains(&kind)).then_some(Vec::new()),
        };
        Some(Self {
            lease,
            upload: opaque(upload, Kind::Upload, UPLOAD_SECRET_BYTES_MAX)?,
            enabler: opaque(enabler, Kind::WriteEnabler, WRITE_ENABLER_BYTES_MAX)?,
        })
    }

    /// The lease secrets.
    pub(super) fn lease(&self) -> &LeaseSecrets {
        &self.lease
    }

    /// The upload secret.
    pub(super) fn upload(&self) -> &[u8] {
        &self.upload
    }

    /// The write enabler.
    pub(super) fn enabler(&self) -> &[u8] {
        &self.enabler
    }
}
