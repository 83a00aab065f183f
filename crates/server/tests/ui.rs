//! What the compiler says of handlers that are none.

#[rustversion::attr(
    not(stable(1.95)),
    ignore = "the compiler has other words in each version"
)]
#[test]
fn a_wrong_closure_is_told_what_is_allowed() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
