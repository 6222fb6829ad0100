//! The certificate is renewed by whoever writes the files; nobody tells the process.

use super::Tls;
use super::certificate::{Certificate, Contents};
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Certificates are renewed every few weeks; nobody waits for longer than this after it.
const LOOK: Duration = Duration::from_secs(1);

const EXPIRES: &str = "gateway_certificate_expires_seconds";
const REFUSED: &str = "gateway_certificate_refused_total";

pub(super) fn describe() {
    metrics::describe_gauge!(
        EXPIRES,
        "When the certificate in use expires, as a Unix time"
    );
    metrics::describe_counter!(
        REFUSED,
        "Times that a new certificate was wrong and the old one stayed in use"
    );
    metrics::counter!(REFUSED).absolute(0);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of this era are exact in 53 bits"
)]
pub(super) fn show_expiry(certificate: &Certificate) {
    metrics::gauge!(EXPIRES).set(certificate.expires.unix_timestamp() as f64);
}

/// What was seen at the last look: both files, or why not.
type Seen = Result<Contents, String>;

impl Tls {
    /// Looks at the files again and again, and shows what is new and right to the next clients.
    /// Open connections stay as they are.
    pub async fn watch(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let (mut used, mut last) = (self.look(), self.look());
        while let Some(()) = shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await {
            let seen = self.look();
            // The two files are not written at once: only what stays the same for a look counts.
            if seen == last && seen != used {
                self.renew(&seen);
                used = seen.clone();
            }
            last = seen;
        }
        Ok(())
    }

    fn look(&self) -> Seen {
        self.files.look().map_err(|error| error.to_string())
    }

    fn renew(&self, seen: &Seen) {
        let read = |contents| Certificate::read(contents, self.clock.now());
        match seen.as_ref().map(read) {
            Ok(Ok(certificate)) => {
                show_expiry(&certificate);
                tracing::info!(expires = %certificate.expires, "a new certificate is in use");
                self.shown.replace(certificate.key);
            }
            Ok(Err(error)) => refuse(&error),
            Err(error) => refuse(error),
        }
    }
}

fn refuse(error: &dyn std::fmt::Display) {
    metrics::counter!(REFUSED).increment(1);
    tracing::error!(%error, "the new certificate is wrong; the old one stays in use");
}
