//! stoa-contracts
