//! stoa-queue
