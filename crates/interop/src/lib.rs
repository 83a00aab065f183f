//! Tests of Songi against the JavaScript peers from npm.
