//! An answer that cannot be sent.

use songi_server::Server;

struct Sum(i64);

fn main() {
    let io = Server::new();
    io.on("add", |a: i64, b: i64| Sum(a + b));
}
