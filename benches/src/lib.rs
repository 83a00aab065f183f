//! Benches of Songi beside its peers; see `benches/`.
