//! Sources that are not what they seem.

use super::*;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

/// Says that it has `claimed` bytes, and gives `real` of them and then `end`.
struct Liar {
    claimed: u64,
    real: u64,
    error: Option<io::ErrorKind>,
    at: u64,
}

impl AsyncRead for Liar {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = usize::try_from(this.real - this.at).unwrap().min(buf.remaining());
        if left == 0
            && let Some(error) = this.error
        {
            return Poll::Ready(Err(error.into()));
        }
        buf.put_slice(&vec![7; left]);
        this.at += left as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Liar {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        this.at = match position {
            SeekFrom::Start(at) => at,
            SeekFrom::End(_) => this.claimed,
            SeekFrom::Current(_) => this.at,
        };
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}

#[test]
fn a_source_that_changes_or_fails_ends_the_upload_and_nothing_stays() {
    for (claimed, real, error) in [
        (1000, 999, None),
        (1000, 1001, None),
        (1000, 500, Some(io::ErrorKind::PermissionDenied)),
        (55, 56, None),
    ] {
        for key in [KeyChoice::Convergent, KeyChoice::Random] {
            let case = Case::new(5, (3, 4, 5)).of_many_segments();
            let result = paused().block_on(async {
                let client = case.grid.client(case.policy.clone(), b"");
                let mut source = Liar { claimed, real, error, at: 0 };
                let options = UploadOptions { encoding: case.encoding, happy: 4, key };
                case.grid.run(client.upload(&mut source, &options)).await
            });
            match (result, error) {
                (Err(UploadError::SourceChanged { expected, longer }), None) => {
                    assert_eq!((expected, longer), (claimed, real > claimed));
                }
                (Err(UploadError::Source(error)), Some(kind)) => assert_eq!(error.kind(), kind),
                (other, _) => panic!("{other:?}"),
            }
            case.grid.recorder.check_questions();
            assert_eq!(case.staged_bytes(), 0);
            assert!(case.grid.layout(Case::index()).iter().all(BTreeSet::is_empty));
        }
    }
}
