//! The tokens that a thread has verified: found again without a lock, without an allocation.
//!
//! A table of sets of four, by 64 bits of the signature. Only good tokens are kept, so nobody
//! chooses where they go; which one it is, the whole token says.

use std::{cell::RefCell, sync::Arc};

use stoa_contracts::identity::Claims;

/// Tokens that may share a set; where all are taken, the one that expires first gives way.
const WAYS: usize = 4;
/// Sets of a thread: 4096 tokens, which with their claims are about 3 MiB when all are taken.
const SETS: usize = 1024;
/// Longer tokens are not ours: one with every claim has about 600 characters.
const LONGEST: usize = 1024;

struct Verified {
    /// Who verified it: another verifier of the process may hold other keys.
    verifier: u64,
    token: Box<str>,
    claims: Arc<Claims>,
}

#[derive(Default)]
struct Table(Vec<[Option<Verified>; WAYS]>);

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table(Vec::new())) };
}

/// The claims of a token that this thread has seen this verifier verify.
pub(super) fn find(verifier: u64, token: &str) -> Option<Arc<Claims>> {
    TABLE.with_borrow(|table| {
        let set = table.0.get(set_of(token)?)?;
        let mut known = set.iter().flatten();
        let hit = known.find(|known| known.verifier == verifier && &*known.token == token)?;
        Some(Arc::clone(&hit.claims))
    })
}

/// Keeps a token that has been verified, for this thread.
pub(super) fn keep(verifier: u64, token: &str, claims: &Arc<Claims>) {
    let Some(set) = set_of(token) else { return };
    TABLE.with_borrow_mut(|table| {
        if table.0.is_empty() {
            table.0.resize_with(SETS, Default::default);
        }
        let place = table.0[set]
            .iter_mut()
            .min_by_key(|way| way.as_ref().map_or(i64::MIN, |known| known.claims.exp));
        *place.expect("a set has ways") = Some(Verified {
            verifier,
            token: token.into(),
            claims: Arc::clone(claims),
        });
    });
}

/// Where a token belongs: eight characters of its signature, which are 48 random bits.
fn set_of(token: &str) -> Option<usize> {
    let bytes = token.as_bytes();
    if bytes.len() > LONGEST {
        return None;
    }
    let tail = bytes.last_chunk::<16>()?.first_chunk::<8>()?;
    let mixed = u64::from_le_bytes(*tail).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).ok().map(|mixed| mixed % SETS)
}
