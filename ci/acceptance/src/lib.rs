//! Tests over the running platform.
