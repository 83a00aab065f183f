//! A server of its own: `peer NAME`.

fn main() {
    songi_benches::peers::main();
}
